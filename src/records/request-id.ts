/**
 * Request ids: `POST-2817` on records of an HTTP request, `PUT-880-$event` in nested contexts of one, anything else (`main`, `sentinel`,
 * `_send_events-0`) outside of one.
 *
 * In: the bytes of the field. Out: the number, which alone tells requests of one process apart: Synapse counts one sequence for all
 * methods (`_next_request_seq`, synapse/http/site.py), from 0 at each start.
 */
const DASH = 0x2d;

/** The number of `METHOD-N` or `METHOD-N-suffix` in `bytes[start, end)`; −1 where the field isn't of that form. At most 15 digits. */
export function parseRequestNumber(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (bytes[i] as number) >= 0x41 && (bytes[i] as number) <= 0x5a) i++;
  if (i === start || bytes[i] !== DASH) return -1;
  const first = ++i;
  let value = 0;
  for (; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  const isNumber = i > first && i - first <= 15;
  return isNumber && (i === end || bytes[i] === DASH) ? value : -1;
}

const REQUEST_ID = /^[A-Z]+-(\d{1,15})(?:-.*)?$/s;

/** The same for a text: JSON logs have the field as a string. */
export function parseRequestNumberText(text: string): number {
  const match = REQUEST_ID.exec(text);
  return match ? Number(match[1]) : -1;
}
