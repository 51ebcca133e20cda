/** Who reads next: whoever is furthest behind in log time. */
import { describe, expect, it } from 'vitest';
import { LogTimeTurns } from '../../../daemon/sources/log-time-turns.ts';

/** Reads `steps` (log times) one a turn, and notes them. */
async function read(
  name: string,
  steps: readonly number[],
  turns: LogTimeTurns,
  stream: { clockMs: number },
  seen: string[],
): Promise<void> {
  for (const step of steps) {
    await turns.next(stream);
    stream.clockMs = step;
    seen.push(`${name}${step}`);
  }
  turns.leave(stream);
}

describe('turns', () => {
  it('go to the reader that is furthest behind', async () => {
    const streams = { a: { clockMs: -1 }, b: { clockMs: 0 }, c: { clockMs: 1 } };
    const turns = new LogTimeTurns(Object.values(streams));
    const seen: string[] = [];
    await Promise.all([
      read('a', [10, 40], turns, streams.a, seen),
      read('b', [20, 30, 50], turns, streams.b, seen),
      read('c', [], turns, streams.c, seen),
    ]);
    expect(seen).toEqual(['a10', 'b20', 'a40', 'b30', 'b50']);
  });

  it('are all one reader’s where it is alone', async () => {
    const stream = { clockMs: Number.NEGATIVE_INFINITY };
    const seen: string[] = [];
    await read('a', [1, 2, 3], new LogTimeTurns([stream]), stream, seen);
    expect(seen).toEqual(['a1', 'a2', 'a3']);
  });
});
