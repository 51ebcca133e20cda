/**
 * Several sources of one homeserver, read side by side in log time: whoever is furthest behind reads on. In: streams, and readers that ask before each
 * step. Out: one reader's turn after the other, so what has to be put in order behind them stays small.
 */

/** What is asked of a stream: how far it has come. */
export interface TimedStream {
  readonly clockMs: number;
}

export class LogTimeTurns {
  /** Readers that aren't done yet, with the one that waits for its turn. */
  readonly #readers = new Map<TimedStream, (() => void) | null>();
  #isRunning = false;

  /** All must be known before the first asks. */
  constructor(streams: Iterable<TimedStream>) {
    for (const stream of streams) this.#readers.set(stream, null);
  }

  /** Fulfilled when it's this stream's turn; it ends with the next call, or with `leave`. */
  next(stream: TimedStream): Promise<void> {
    return new Promise((resolve) => {
      if (this.#readers.get(stream) === null && this.#isRunning) this.#isRunning = false;
      this.#readers.set(stream, resolve);
      this.#dispatch();
    });
  }

  /** The stream has been read to its end. */
  leave(stream: TimedStream): void {
    this.#isRunning = false;
    this.#readers.delete(stream);
    this.#dispatch();
  }

  #dispatch(): void {
    if (this.#isRunning) return;
    let first: TimedStream | null = null;
    for (const [stream, resolve] of this.#readers) {
      // Somebody has still to ask: it may be the one that is furthest behind.
      if (resolve === null) return;
      if (first === null || stream.clockMs < first.clockMs) first = stream;
    }
    if (first === null) return;
    const resolve = this.#readers.get(first);
    this.#readers.set(first, null);
    this.#isRunning = true;
    resolve?.();
  }
}
