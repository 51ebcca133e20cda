/** Turns of the event loop. */
import { describe, expect, it } from 'vitest';
import { createTurns } from '../../../daemon/sources/turns.ts';

/** Resolves when the event loop has gone round once. */
const round = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('createTurns', () => {
  it('runs one step a round, in the order asked for, and one that asks again behind the others', async () => {
    const turns = createTurns();
    const ran: string[] = [];
    turns.request(() => {
      ran.push('a');
      turns.request(() => ran.push('a again'));
    });
    turns.request(() => ran.push('b'));
    expect(ran).toEqual([]);
    const seen: string[][] = [];
    for (let count = 0; count < 4; count++) {
      await round();
      seen.push([...ran]);
    }
    expect(seen.at(-1)).toEqual(['a', 'b', 'a again']);
    for (let count = 1; count < seen.length; count++) expect(seen[count]!.length - seen[count - 1]!.length).toBeLessThanOrEqual(1);
  });

  it('takes up again after it has run dry', async () => {
    const turns = createTurns();
    const ran: number[] = [];
    for (let count = 0; count < 3; count++) {
      turns.request(() => ran.push(count));
      await round();
    }
    expect(ran).toEqual([0, 1, 2]);
  });
});
