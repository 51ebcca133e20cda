/**
 * Which numbers of a source's requests have closed, and when the process behind the log became another one.
 *
 * In: the number of each access line, in file order; start banners. Out: whether a number had closed before, and the count of process
 * incarnations, which is part of the key that joins records: Synapse counts requests from 0 at each start.
 *
 * A start banner alone proves nothing in a text log (anyone who reaches `/login` can write one): it counts when it is whole (the start line
 * and the version line behind it, request `main`) and the numbers really start again. Without a banner (lost at a rotation) a new
 * incarnation is taken when numbers that had closed come again, several times and nothing but low ones: a long `/sync` closes as `GET-0`
 * when numbers are far on, but then high ones go on closing around it.
 *
 * Memory: 8 KiB of bits for the last WINDOW numbers below the highest.
 */
const WINDOW = 65_536;
/** A process that has just started shows numbers below this first; clients come back in a burst, and OPTIONS requests have no line. Chosen. */
const FIRST_NUMBERS = 1000;
/** Repeated low numbers in a row that show a new process where no banner was seen. Chosen: doubled records around SIGTERM are dropped before. */
const REPEATS_FOR_RESTART = 3;
/**
 * As many it takes below the window, where nobody knows whether a number had closed. A server of more than 65,536 requests in the 30 s of a long poll closes its polls
 * there, three in a row all the time (seen at 17,000 requests/s: 12,000 restarts in 30 s, and refusals taken for forged). Others close in between, so not a hundred.
 */
const FAR_REPEATS_FOR_RESTART = 100;

/** What a RequestNumbers knows, as plain data. */
export interface RequestNumbersDump {
  readonly incarnation: number;
  readonly epoch: number;
  readonly highest: number;
  readonly repeats: number;
  readonly isBannerOpen: boolean;
  /** WINDOW bits in words of 32; words of 0 at the end are left out. */
  readonly closed: readonly number[];
}

export class RequestNumbers {
  /** 0 for the first process seen in the file, then 1, 2, … */
  incarnation = 0;
  /** Changes only where numbers can collide with those before; part of the join key. */
  epoch = 0;
  #highest = -1;
  #repeats = 0;
  #isBannerOpen = false;
  readonly #closed = new Uint32Array(WINDOW / 32);

  /** Highest number that closed in this epoch; −1: none. */
  get highest(): number {
    return this.#highest;
  }

  /** A whole start banner has been read. Decided at the next number. */
  expectRestart(): void {
    this.#isBannerOpen = true;
  }

  /** A record of this number is about to be joined: settles an open banner. */
  observe(number: number): void {
    if (!this.#isBannerOpen) return;
    this.#isBannerOpen = false;
    if (this.#highest < 0 || number >= FIRST_NUMBERS) return;
    this.incarnation++;
    if (number <= this.#highest) this.#startEpoch();
  }

  /** Whether this number has closed before in this epoch, as far back as the window reaches. */
  hasClosed(number: number): boolean {
    if (number > this.#highest || number <= this.#highest - WINDOW) return false;
    return ((this.#closed[(number & (WINDOW - 1)) >> 5] as number) & (1 << (number & 31))) !== 0;
  }

  /** An access line of this number was read (and isn't a doubled record). */
  close(number: number): void {
    this.observe(number);
    if (number > this.#highest) this.#advance(number);
    else if (this.hasClosed(number) || number <= this.#highest - WINDOW) this.#repeat(number);
    else if (number > this.#highest - FIRST_NUMBERS) this.#repeats = 0;
    // Below the window, the bit is that of a number inside it.
    if (number <= this.#highest - WINDOW) return;
    const index = (number & (WINDOW - 1)) >> 5;
    this.#closed[index] = (this.#closed[index] as number) | (1 << (number & 31));
  }

  dump(): RequestNumbersDump {
    const lastUsed = this.#closed.findLastIndex((word) => word !== 0);
    return {
      incarnation: this.incarnation,
      epoch: this.epoch,
      highest: this.#highest,
      repeats: this.#repeats,
      isBannerOpen: this.#isBannerOpen,
      closed: [...this.#closed.subarray(0, lastUsed + 1)],
    };
  }

  restore({ incarnation, epoch, highest, repeats, isBannerOpen, closed }: RequestNumbersDump): void {
    this.incarnation = incarnation;
    this.epoch = epoch;
    this.#highest = highest;
    this.#repeats = repeats;
    this.#isBannerOpen = isBannerOpen;
    this.#closed.fill(0);
    this.#closed.set(closed.slice(0, this.#closed.length));
  }

  #repeat(number: number): void {
    if (++this.#repeats < (number > this.#highest - WINDOW ? REPEATS_FOR_RESTART : FAR_REPEATS_FOR_RESTART)) return;
    this.incarnation++;
    this.#startEpoch();
    this.#highest = number;
  }

  #startEpoch(): void {
    this.epoch++;
    this.#highest = -1;
    this.#repeats = 0;
    this.#closed.fill(0);
  }

  /** Clears the bits of the numbers between the old highest and the new one: they belonged to numbers a window ago. */
  #advance(number: number): void {
    this.#repeats = 0;
    if (number - this.#highest >= WINDOW) this.#closed.fill(0);
    else for (let n = this.#highest + 1; n < number; n++) this.#clear(n);
    this.#highest = number;
  }

  #clear(number: number): void {
    const index = (number & (WINDOW - 1)) >> 5;
    this.#closed[index] = (this.#closed[index] as number) & ~(1 << (number & 31));
  }
}
