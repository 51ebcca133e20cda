/** Something that takes more than one turn of the event loop, one at a time: unpacking, searching in packed files. */
export class LongTask {
  readonly #onEnd: () => void;
  #isRunning = false;
  #thrown: { readonly error: unknown } | undefined;

  /** `onEnd`: it's over, well or not; `rethrow` says which. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** None may run. What it throws comes out of `rethrow`: nobody waits here. */
  run(task: () => Promise<void>): void {
    this.#isRunning = true;
    const end = (thrown: { readonly error: unknown } | undefined): void => {
      this.#isRunning = false;
      this.#thrown = thrown;
      this.#onEnd();
    };
    task().then(
      () => end(undefined),
      (error: unknown) => end({ error }),
    );
  }

  /** Throws what the last task threw. */
  rethrow(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }
}
