/**
 * A request number that can't be the next one, without a carrier in front (record-trust.ts): it was used before, or is far off the sequence. In: the
 * access line that shows it, and the records behind it. Out: whether it was forged, or the process is another one, or a piece of the log is missing.
 *
 * The next numbers tell: where the sequence goes on as before, the odd ones are somebody else's; where several odd ones come in a row, they are the
 * sequence (a start whose banner was lost; a gap).
 */
import type { NumberHistory, Suspect, UntrustedReason, Verdict, Watch, WatchDump } from './record-trust.ts';

/** Beyond the highest number by more than this is off the sequence. Genuine gaps are 4 at most (truth-ideas); a busy start opens many at once. */
export const OFF_SEQUENCE = 1000;
/** Odd numbers in a row that are the sequence: as many as RequestNumbers takes for a restart. */
const ODD_IN_A_ROW = 3;
/** Records that wait, at most. */
const MAX_SUSPECTS = 200;

/** Whether an access line's number can't be the next one. */
export function isOddNumber(numbers: NumberHistory, number: number): boolean {
  const { highest } = numbers;
  return number > highest ? highest >= 0 && number > highest + OFF_SEQUENCE : numbers.hasClosed(number);
}

export class NumberWatch<R> implements Watch<R> {
  readonly #numbers: NumberHistory;
  readonly #suspects: Suspect<R>[] = [];
  #oddInARow = 0;
  #lastOdd = Number.NaN;

  constructor(numbers: NumberHistory, suspects: readonly Suspect<R>[] = []) {
    this.#numbers = numbers;
    for (const suspect of suspects) this.add(suspect);
  }

  add(suspect: Suspect<R>): Verdict<R> | null {
    const { access, requestNumber } = suspect;
    this.#suspects.push(suspect);
    if (access !== null && requestNumber >= 0) {
      if (!isOddNumber(this.#numbers, requestNumber)) return this.#isSequence(requestNumber) ? this.end() : this.#bound();
      const isNext = Number.isNaN(this.#lastOdd) || Math.abs(requestNumber - this.#lastOdd) <= OFF_SEQUENCE;
      this.#oddInARow = isNext ? this.#oddInARow + 1 : 1;
      this.#lastOdd = requestNumber;
      if (this.#oddInARow >= ODD_IN_A_ROW) return { forged: [], genuine: this.#suspects };
    }
    return this.#bound();
  }

  end(): Verdict<R> {
    const oddNumbers = new Set(
      this.#suspects
        .filter(({ access, requestNumber }) => access !== null && this.#isOdd(requestNumber))
        .map(({ requestNumber }) => requestNumber),
    );
    const forged = this.#suspects.filter(({ requestNumber }) => oddNumbers.has(requestNumber));
    return {
      forged: forged.map((suspect) => ({ suspect, reason: this.#reasonOf(suspect.requestNumber) })),
      genuine: this.#suspects.filter(({ requestNumber }) => !oddNumbers.has(requestNumber)),
    };
  }

  dump(): WatchDump<R> {
    return { carrier: null, suspects: this.#suspects };
  }

  #isOdd(number: number): boolean {
    return number >= 0 && isOddNumber(this.#numbers, number);
  }

  /** A late answer to an old request says nothing of where the sequence is. */
  #isSequence(number: number): boolean {
    return number > this.#numbers.highest - OFF_SEQUENCE;
  }

  #bound(): Verdict<R> | null {
    return this.#suspects.length >= MAX_SUSPECTS ? this.end() : null;
  }

  #reasonOf(number: number): UntrustedReason {
    return number > this.#numbers.highest ? 'number_off_sequence' : 'number_used_twice';
  }
}
