/**
 * Whose turn it is: one step of one file per turn of the event loop, and nothing at all between the parts of something that must see the stages stand still.
 *
 * In: steps that want to run. Out: they run one at a time, in the order asked for, with the event loop free in between. So a follower that has a
 * gigabyte to catch up on delays the others, the timers and the scrapes by one step at most, however many followers there are; and so does a commit of
 * 100,000 devices. Invariant: between the first and the last part of a `whole` no step runs, and whoever changes the stages without a turn calls `finish` before.
 */
import type { ChunkConsumer } from '../../src/lines/chunk-consumer.ts';

/** A queue of steps. A step that wants another turn asks again, and comes behind the others. */
export interface Turns {
  request(step: () => void): void;
  /** Runs `part` in turns of its own, before every step that waits, until it returns true. Throws RangeError while there is one already. */
  whole(part: () => boolean): void;
  /** A `whole` is under way. */
  readonly isHeld: boolean;
  /** For whoever can't wait for a turn: runs what is left of the `whole`, at once. */
  finish(): void;
}

/** Turns of this process's event loop. A step or part that throws is not caught: that is a mistake in this program. */
export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  let part: (() => boolean) | undefined;
  let isSet = false;
  const runNext = (): void => {
    isSet = false;
    const step = part === undefined ? waiting.shift() : runPart;
    if (waiting.length > 0 || part !== undefined) setNext();
    step?.();
  };
  const runPart = (): void => {
    if (part?.() === true) part = undefined;
  };
  const setNext = (): void => {
    if (isSet) return;
    isSet = true;
    setImmediate(runNext);
  };
  return {
    request: (step) => {
      waiting.push(step);
      setNext();
    },
    whole: (first) => {
      if (part !== undefined) throw new RangeError('Cannot begin: something that must not be divided is under way, expected its end');
      part = first;
      setNext();
    },
    get isHeld() {
      return part !== undefined;
    },
    finish: () => {
      while (part !== undefined) runPart();
    },
  };
}

/** The same consumer, for bytes that may come without a turn: they find the stages free to change. */
export function behindTurns(consumer: ChunkConsumer, turns: Turns): ChunkConsumer {
  return {
    begin: (positionBytes) => {
      turns.finish();
      consumer.begin(positionBytes);
    },
    read: (bytes, length) => {
      turns.finish();
      return consumer.read(bytes, length);
    },
    settle: (bytes, length) => {
      turns.finish();
      return consumer.settle(bytes, length);
    },
    finish: (bytes, length) => {
      turns.finish();
      consumer.finish(bytes, length);
    },
  };
}
