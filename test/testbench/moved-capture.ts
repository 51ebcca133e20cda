/** A capture at another time: the same records with other stamps. */
import type { Capture } from '../../daemon/demo/capture.ts';

// 2026-11-23 16:54:45,689
const STAMPS = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/gm;

/** Its first record is at `startMs`, the others as long after it as they were. Lines keep their lengths, so positions stay right. */
export function movedTo(capture: Capture, startMs: number): Capture {
  const moved = Buffer.from(capture.bytes)
    .toString('latin1')
    .replace(STAMPS, (stamp) => {
      const timeMs = Date.parse(`${stamp.replace(' ', 'T').replace(',', '.')}Z`) - capture.startMs + startMs;
      return new Date(timeMs).toISOString().replace('T', ' ').replace('.', ',').replace('Z', '');
    });
  return { ...capture, bytes: Buffer.from(moved, 'latin1'), startMs };
}
