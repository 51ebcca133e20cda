/**
 * In: a rate. Out: a log file that grows in real time as long as it's told to, and the moment at which a refusal reached it.
 *
 * Invariant: one log from the first to the last phase: request numbers go on, stamps are of now (UTC), so no reader finds anything odd.
 */
import fs from 'node:fs';
import { LiveLog } from './generator/log-file.ts';
import type { Truth } from './generator/truth.ts';

export class LiveLogWriter {
  readonly #log: LiveLog;
  readonly #fd: number;
  readonly #startMs = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #refusalWritten: ((at: bigint) => void) | undefined;
  #refusalCount = 0;

  constructor(path: string) {
    this.#fd = fs.openSync(path, 'a');
    const options = {
      profile: 'info',
      seed: 1,
      linesPerSecond: 0,
      startMs: this.#startMs,
      wedgedCount: 40,
      isQuietAboutKeys: true,
    } as const;
    this.#log = new LiveLog(options, this.#fd, false, (text) => this.#written(text));
  }

  /** Refusals that are in the file. */
  get refusalCount(): number {
    return this.#refusalCount;
  }

  #written(text: string): void {
    if (!text.includes('One time key signed_curve25519:')) return;
    this.#refusalCount++;
    this.#refusalWritten?.(process.hrtime.bigint());
    this.#refusalWritten = undefined;
  }

  /** From now on: `linesPerSecond` (0: silence), a look at the clock every `tickMs`, held back like Synapse's handler does or not. */
  set(linesPerSecond: number, tickMs: number, isHeldBack: boolean): void {
    clearInterval(this.#timer);
    this.#log.stream.setRate(linesPerSecond);
    this.#log.isHeldBack = isHeldBack;
    this.#timer = setInterval(() => this.#log.advanceTo(Date.now() - this.#startMs), tickMs);
  }

  /** A device uploads a key id that is taken; one at a time. Resolves with the monotonic time in ns right after the write that holds the refusal. */
  refuse(): Promise<bigint> {
    const written = new Promise<bigint>((resolve) => {
      this.#refusalWritten = resolve;
    });
    this.#log.stream.planRefusal();
    return written;
  }

  /** No more writes; what was held is in the file. */
  stop(): Truth {
    clearInterval(this.#timer);
    this.#log.flush();
    fs.closeSync(this.#fd);
    return this.#log.stream.truth();
  }
}
