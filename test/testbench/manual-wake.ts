/**
 * A wake that a test rings, and turns that a test lets run: nothing happens by itself, so nothing has to be waited for.
 */
import type { Turns } from '../../daemon/sources/turns.ts';
import type { Wake, Watching } from '../../daemon/sources/wake.ts';

export class ManualWake implements Wake {
  readonly #looks = new Map<() => boolean, string>();

  watch(path: string, look: () => boolean): Watching {
    this.#looks.set(look, path);
    return { stop: () => this.#looks.delete(look) };
  }

  /** How many paths are watched. */
  get watchedCount(): number {
    return this.#looks.size;
  }

  /** Everybody looks once. Returns whether anybody found something new. */
  ring(): boolean {
    return [...this.#looks.keys()].map((look) => look()).includes(true);
  }
}

/** More turns than any test needs: a follower that never comes to rest fails instead of hanging. */
const MOST_TURNS = 10_000;

export class ManualTurns implements Turns {
  readonly #waiting: (() => void)[] = [];
  #part: (() => boolean) | undefined;
  #hasBegun = false;

  request(step: () => void): void {
    this.#waiting.push(step);
  }

  whole(part: () => boolean): void {
    if (this.#part !== undefined) throw new RangeError('one is under way');
    this.#part = part;
  }

  get isHeld(): boolean {
    return this.#part !== undefined;
  }

  finish(): void {
    while (this.#part !== undefined) this.runOne();
  }

  finishBegun(): void {
    if (this.#hasBegun) this.finish();
  }

  /** Nothing is held for longer than a test lets it: whoever enters doesn't wait. */
  enter(): Promise<void> {
    this.finishBegun();
    return Promise.resolve();
  }

  leave(): void {}

  /** Steps; a `whole` under way is none. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Runs the next part of the `whole`, or the next waiting step, if there is one. */
  runOne(): void {
    if (this.#part === undefined) {
      this.#waiting.shift()?.();
      return;
    }
    this.#hasBegun = true;
    if (!this.#part()) return;
    this.#part = undefined;
    this.#hasBegun = false;
  }

  /** Runs until nobody wants a turn. Returns how many ran. */
  runAll(): number {
    for (let count = 0; count < MOST_TURNS; count++) {
      if (this.#waiting.length === 0 && this.#part === undefined) return count;
      this.runOne();
    }
    throw new Error(`Still wants a turn after ${MOST_TURNS}`);
  }
}
