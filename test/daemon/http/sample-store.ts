/** A metric store with a bit of everything: known, open and per-device series, exemplars, hostile labels. The same at each call. */

import { MetricStore } from '../../../src/metrics/metric-store.ts';

/** Every character that a format must escape or may choke on; a lone surrogate at the end. */
const HOSTILE_TEXT = 'say "hi"\\\n\r\t{a="b"} # 😀 é\u2028 } 1\ud800';

/** HOSTILE_TEXT as it must arrive. */
export const HOSTILE_LABEL = HOSTILE_TEXT.toWellFormed();

/** 2026-06-30T12:00:00Z. */
const START_MS = 1_782_820_800_000;

/** With the default bound one of its three devices finds no room. */
export function createSampleStore(maxDeviceSeries = 2): MetricStore {
  const store = new MetricStore({ maxDeviceSeries });
  store.declareSource('homeserver.log');
  store.counter('lotus_e2ee_watch_log_lines_total', 'homeserver.log').add(1234567);
  store.gauge('lotus_e2ee_watch_last_record_timestamp_seconds', 'homeserver.log').set(START_MS / 1000 + 0.25);
  store.counter('lotus_e2ee_watch_unrecognised_total', 'homeserver.log', HOSTILE_TEXT).add(3);
  store.counter('lotus_e2ee_otk_conflicts_total').add(44);
  store.counter('lotus_e2ee_key_uploads_total', 'conflict').add(44);
  store.gauge('lotus_e2ee_active_storms', 'identity_reset').set(1);
  for (const [index, device] of ['PHONE', 'LAPTOP', 'TABLET'].entries()) {
    store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', '@alice:example.org', device, START_MS).add(index + 1);
  }
  const storm = { userId: '@alice:example.org', deviceId: 'PHONE', labelValues: ['identity_reset'], value: 1 };
  store.replaceDeviceGauges('lotus_e2ee_device_storm_active', START_MS, [storm]);
  const restarts = store.histogram('lotus_e2ee_delayed_event_request_duration_seconds', 'restart', 'ok');
  restarts.observe(0.25, 'POST-1234', START_MS);
  restarts.observe(2, HOSTILE_TEXT);
  restarts.observe(31);
  store.deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', '@alice:example.org', 'PHONE', START_MS).observe(2);
  return store;
}

/**
 * Ids as somebody may write them into a log, and as they have to arrive in Prometheus. A user id holds what its server lets through; with
 * federation that is anything, and a forged line can hold any byte (decoded: bad ones are U+FFFD before they get here; a half surrogate
 * pair can only come from a JSON log).
 */
export const HOSTILE_IDS: readonly (readonly [name: string, id: string, expected: string])[] = [
  ['quotes', '@"quoted\'":hs', '@"quoted\'":hs'],
  ['a newline', '@new\nline:hs', '@new\nline:hs'],
  ['a carriage return', '@carriage\r\nreturn:hs', '@carriage\r\nreturn:hs'],
  ['a backslash at the end', '@back\\slash\\', '@back\\slash\\'],
  ['what ends a label', '@end"} 1 2\n# EOF\n:hs', '@end"} 1 2\n# EOF\n:hs'],
  ['an emoji', '@\u{1f600}\u{1f468}\u200d\u{1f469}:hs', '@\u{1f600}\u{1f468}\u200d\u{1f469}:hs'],
  ['text from right to left', '@\u202e\u05d0\u05d1:hs', '@\u202e\u05d0\u05d1:hs'],
  ['bytes that were no UTF-8', new TextDecoder().decode(Uint8Array.of(0x40, 0xff, 0xc3, 0x28, 0x3a, 0x68, 0x73)), '@\ufffd\ufffd(:hs'],
  ['half a surrogate pair', '@\ud83d:hs', '@\ufffd:hs'],
  ['nothing', '', ''],
];
