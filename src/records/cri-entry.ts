/**
 * An entry of a container's log as Kubernetes has it written (CRI: containerd, CRI-O), in `/var/log/containers`:
 *
 *     2026-11-23T16:52:48.345708468Z stdout F 2026-11-23 16:52:48,338 - synapse.http.server - 131 - INFO - POST-11 - …
 *
 * In: its bytes. Out: the text behind the tags. `P` for `F`: only a part of a line, the next entry goes on with it. Further tags may follow, divided by
 * colons (the kubelet's CRI logging design; pkg/kubelet/kuberuntime/logs in kubernetes/kubernetes).
 */
import { isAscii } from '../lines/ascii.ts';
import type { Unwrap } from './envelope.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const FULL = 0x46;
const PARTIAL = 0x50;
/** `2026-11-23T16:52:48Z` and `2026-11-23T16:52:48.345708468+01:00`: the shortest and the longest stamp (RFC 3339). */
const MIN_STAMP_BYTES = 20;
const MAX_STAMP_BYTES = 35;
/** Both are as long. */
const STREAMS: readonly string[] = ['stdout ', 'stderr '];
const STREAM_BYTES = 7;
/** Of all tags together: there is one, so far. */
const MAX_TAG_BYTES = 64;

export const unwrapCriEntry: Unwrap = (bytes, start, newline) => {
  const tag = findTag(bytes, start);
  if (tag < 0) return null;
  const textStart = bytes.indexOf(SPACE, tag) + 1;
  if (textStart === 0 || textStart > newline || textStart - tag > MAX_TAG_BYTES) return null;
  return bytes.subarray(textStart, bytes[tag] === PARTIAL ? newline : newline + 1);
};

/** Offset of the tags of the entry at `start`; −1 where it's none. */
function findTag(bytes: Uint8Array, start: number): number {
  // 2026-11-23T
  if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d || bytes[start + 10] !== 0x54) return -1;
  let stampEnd = start + MIN_STAMP_BYTES;
  while (stampEnd < start + MAX_STAMP_BYTES && (bytes[stampEnd] ?? 0) > SPACE) stampEnd++;
  const tag = stampEnd + 1 + STREAM_BYTES;
  const isEntry =
    bytes[stampEnd] === SPACE &&
    STREAMS.some((stream) => isAscii(bytes, stampEnd + 1, stream)) &&
    (bytes[tag] === FULL || bytes[tag] === PARTIAL) &&
    (bytes[tag + 1] === SPACE || bytes[tag + 1] === COLON);
  return isEntry ? tag : -1;
}
