/**
 * Request ids: `POST-2817` on records of an HTTP request, `PUT-880-$event` in nested contexts of one, anything else (`main`, `sentinel`,
 * `_send_events-0`) outside of one.
 *
 * The number alone tells requests of one process apart: Synapse counts one sequence for all methods (`_next_request_seq`,
 * synapse/http/site.py), from 0 at each start. Text logs: `RecordHeader.requestNumber` reads it from the bytes, by the same rule.
 */
const REQUEST_ID = /^[A-Z]+-(\d+)(?:-.*)?$/s;

/** The number of a request id; −1 where it isn't an HTTP request's. */
export function parseRequestNumber(text: string): number {
  const number = Number(REQUEST_ID.exec(text)?.[1] ?? -1);
  return number <= Number.MAX_SAFE_INTEGER ? number : -1;
}
