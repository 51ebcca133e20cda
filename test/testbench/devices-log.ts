/** A log in which one device after the other uploads keys, 200 a second. In: which devices. Out: two lines each. */
import { keyId } from '../bench/generator/cast.ts';

const START_MS = Date.UTC(2026, 5, 30, 12);
/** 1,000 devices in the 5 s between two commits. */
const APART_MS = 5;
/** A refill; the first upload of a device has 50. */
const KEYS_PER_UPLOAD = 10;

function stamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 23).replace('T', ' ').replace('.', ',');
}

/** Devices `first` … `first + count - 1`. `firstRequest` goes on where the last log ended. */
export function devicesLog(first: number, count: number, firstRequest: number): string {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const request = firstRequest + i + 1000;
    const device = first + i;
    const user = `@user${Math.floor(device / 3)}:example.org`;
    const name = `DEVICE${String(device).padStart(8, '0')}`;
    const ids = Array.from({ length: KEYS_PER_UPLOAD }, (_, key) => `'signed_curve25519:${keyId(request * KEYS_PER_UPLOAD + key)}'`);
    const at = START_MS + request * APART_MS;
    lines.push(
      `${stamp(at)} - synapse.handlers.e2e_keys - 955 - INFO - POST-${request} - Adding one_time_keys dict_keys([${ids.join(', ')}]) for device '${name}' for user '${user}' at ${at}\n`,
      `${stamp(at)} - synapse.access.http.8008 - 643 - INFO - POST-${request} - 203.0.113.9 - 8008 - {${user}} Processed request: 0.049sec/0.004sec ru=(0.009sec, 0.000sec) db=(0.005sec/0.026sec/5) 48B 200 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "Element/1.11" [0 dbevts]\n`,
    );
  }
  return lines.join('');
}
