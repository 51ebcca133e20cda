/**
 * Whose turn it is to read: one step of one file per turn of the event loop.
 *
 * In: steps that want to run. Out: they run one at a time, in the order asked for, with the event loop free in between. So a follower that has a
 * gigabyte to catch up on delays the others, the timers and the scrapes by one step at most, however many followers there are.
 */

/** A queue of steps. A step that wants another turn asks again, and comes behind the others. */
export interface Turns {
  request(step: () => void): void;
}

/** Turns of this process's event loop. A step that throws is not caught: that is a mistake in this program. */
export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  const runNext = (): void => {
    const step = waiting.shift();
    if (waiting.length > 0) setImmediate(runNext);
    step?.();
  };
  return {
    request: (step) => {
      waiting.push(step);
      if (waiting.length === 1) setImmediate(runNext);
    },
  };
}
