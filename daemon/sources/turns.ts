/**
 * Whose turn it is: one step of one file per turn of the event loop, and nothing at all between the parts of something that must see the stages stand still.
 *
 * In: steps that want to run. Out: they run one at a time, in the order asked for, with the event loop free in between. So a follower that has a
 * gigabyte to catch up on delays the others, the timers and the scrapes by one step at most, however many followers there are; and so does a commit of
 * 100,000 devices. Invariant: between the first and the last part of a `whole` no step runs and nobody is inside, and whoever changes the stages otherwise calls
 * `finishBegun` before.
 */
import type { ChunkConsumer } from '../../src/lines/chunk-consumer.ts';

/** A queue of steps. A step that wants another turn asks again, and comes behind the others. */
export interface Turns {
  request(step: () => void): void;
  /** Runs `part` in turns of its own, before every step that waits, until it returns true. Throws RangeError while there is one already. */
  whole(part: () => boolean): void;
  /** A `whole` is under way, or waits for those who are inside. */
  readonly isHeld: boolean;
  /** For whoever can't wait for a turn: runs what is left of the `whole`, at once. */
  finish(): void;
  /** The same, if its first part has run. Before that it has seen nothing, and what changes is in it. */
  finishBegun(): void;
  /** For what takes several turns and can wait between them: fulfilled when nothing is held; then nothing begins before `leave`. */
  enter(): Promise<void>;
  leave(): void;
}

/** Turns of this process's event loop. A step or part that throws is not caught: that is a mistake in this program. */
export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  const entering: (() => void)[] = [];
  let insideCount = 0;
  let part: (() => boolean) | undefined;
  let hasBegun = false;
  let isSet = false;
  const canGoOn = (): boolean => (part === undefined ? waiting.length > 0 : hasBegun || insideCount === 0);
  const setNext = (): void => {
    if (isSet || !canGoOn()) return;
    isSet = true;
    setImmediate(runNext);
  };
  const runNext = (): void => {
    isSet = false;
    if (!canGoOn()) return;
    const step = part === undefined ? waiting.shift() : runPart;
    setNext();
    step?.();
  };
  const runPart = (): void => {
    hasBegun = true;
    if (part?.() !== true) return;
    part = undefined;
    hasBegun = false;
    for (const enter of entering.splice(0)) enter();
    setNext();
  };
  const finish = (): void => {
    while (part !== undefined) runPart();
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
    finish,
    finishBegun: () => {
      if (hasBegun) finish();
    },
    enter: async () => {
      while (part !== undefined) await new Promise<void>((resolve) => entering.push(resolve));
      insideCount++;
    },
    leave: () => {
      insideCount--;
      setNext();
    },
  };
}

/** The same chunks, with nothing held from when one is given until the next is asked for. */
export async function* inTurns(chunks: AsyncIterable<Uint8Array>, turns: Turns): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await turns.enter();
    try {
      yield chunk;
    } finally {
      turns.leave();
    }
  }
}

/** The same consumer, for bytes that may come without a turn: they find the stages free to change. */
export function behindTurns(consumer: ChunkConsumer, turns: Turns): ChunkConsumer {
  return {
    begin: (positionBytes) => {
      turns.finishBegun();
      consumer.begin(positionBytes);
    },
    read: (bytes, length) => {
      turns.finishBegun();
      return consumer.read(bytes, length);
    },
    settle: (bytes, length) => {
      turns.finishBegun();
      return consumer.settle(bytes, length);
    },
    finish: (bytes, length) => {
      turns.finishBegun();
      consumer.finish(bytes, length);
    },
  };
}
