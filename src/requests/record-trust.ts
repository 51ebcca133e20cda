/**
 * Which records of a text log somebody else may have written. Synapse writes some texts of clients unescaped, so a text with line ends puts whole
 * records into the log: into the middle of a *carrier*, a record that ends in such a text (reference/synapse-log-lines.md 8, lab-findings).
 *
 * In: the carrier, then each record behind it. Those wait here until the carrier's own request goes on (its access line, in nearly all cases the next
 * line or the one behind it), because what is forged is a block: it begins right behind the carrier's first line. Out: which of those that waited
 * belong to that block, and why; the others, in their order.
 *
 * What tells the length of the block, the surest first:
 *   size        the text of a `SynapseError` is the answer's body too, so the access line's size says how long it is: nobody can forge that
 *   tail        a text that something must follow (`, address 'a'`) is over where that stands
 *   impossible  a number that was used before, is off the sequence, or whose start is out of order; a stamp that steps back
 *   unsure      the client hung up, so there is no size, behind a text that any client may choose: a request that begins and ends in the block
 * Requests of one process are numbered by arrival, so none of these is known to who forges (not where `request_id_header` is set: numbers are −1 there).
 *
 * Pure, and only at work behind a carrier: other lines pay one comparison.
 */

/** Records that wait behind one carrier, at most; then what is known must do. */
export const MAX_SUSPECTS = 200;
/** Log time that they wait at most, in ms. Chosen: a login that waits for its password hash and the database. */
export const MAX_WAIT_MS = 30_000;
/** Genuine stamps step back by up to 24 ms (truth-ideas, 138,554 records). */
const STEP_BACK_MS = 50;
/** Genuine requests start out of order by up to 191 ms (same). */
const START_ORDER_MS = 1000;
/** Numbers beyond the highest one that other requests may have taken meanwhile. Genuine gaps are 4 at most; OPTIONS requests have no line (same). */
const NUMBER_LEAP = 200;
/** `{"errcode":"M_UNKNOWN","error":"…"}`: bytes around the text, for any code. A forged record has 50 bytes and more. */
const LEAST_ENVELOPE = 30;
const MOST_ENVELOPE = 64;

export const UNTRUSTED_REASONS = [
  'size',
  'tail',
  'number_used_twice',
  'number_off_sequence',
  'start_order',
  'stamp_steps_back',
  'unsure',
] as const;
export type UntrustedReason = (typeof UNTRUSTED_REASONS)[number];

/** A record that ends in a text of a client's. */
export interface Carrier {
  readonly requestNumber: number;
  readonly timeMs: number;
  /** The text that the answer's body repeats; null where there is none. */
  readonly echoedText: string | null;
  /** What must stand at the end of the record; null: nothing does. */
  readonly tail: RegExp | null;
  /** Any client may choose the text freely. */
  readonly isFree: boolean;
}

/** A record that waits. Plain data but for `record`, which is whatever the owner gives. */
export interface Suspect<R> {
  readonly record: R;
  readonly timeMs: number;
  /** −1 outside of any request. */
  readonly requestNumber: number;
  /** Its physical lines, header included. */
  readonly raw: string;
  /** Its request can't write it behind its access line: an answer, or what was done for it. Others may come late: that the client is gone. */
  readonly isBeforeAnswer: boolean;
  /** Of an access line; null for other records. */
  readonly access: { readonly procMs: number; readonly sendMs: number; readonly sizeBytes: number } | null;
}

/** What is asked about numbers. */
export interface NumberHistory {
  /** −1: none yet. */
  readonly highest: number;
  hasClosed(number: number): boolean;
}

export interface Verdict<R> {
  readonly forged: readonly { readonly suspect: Suspect<R>; readonly reason: UntrustedReason }[];
  readonly genuine: readonly Suspect<R>[];
}

/** Records that wait for a verdict. Used once. */
export interface Watch<R> {
  /** One more record. Returns the verdict once there is one; the record itself is in it. */
  add(suspect: Suspect<R>): Verdict<R> | null;
  /** The input is over, or nobody can wait any longer. */
  end(): Verdict<R>;
  dump(): WatchDump<R>;
}

/** A watch as plain data, as far as `R` is. */
export interface WatchDump<R> {
  readonly carrier: (Omit<Carrier, 'tail'> & { readonly tail: string | null }) | null;
  readonly suspects: readonly Suspect<R>[];
}

export class CarrierWatch<R> implements Watch<R> {
  readonly #numbers: NumberHistory;
  readonly #carrier: Carrier;
  readonly #suspects: Suspect<R>[];

  constructor(numbers: NumberHistory, carrier: Carrier, suspects: readonly Suspect<R>[] = []) {
    this.#numbers = numbers;
    this.#carrier = carrier;
    this.#suspects = [...suspects];
  }

  add(suspect: Suspect<R>): Verdict<R> | null {
    const carrier = this.#carrier;
    if (suspect.requestNumber === carrier.requestNumber && isOwn(suspect, carrier)) return this.#decide(suspect);
    this.#suspects.push(suspect);
    const isTooLate = suspect.timeMs - carrier.timeMs > MAX_WAIT_MS;
    return isTooLate || this.#suspects.length >= MAX_SUSPECTS ? this.#decide(null) : null;
  }

  end(): Verdict<R> {
    return this.#decide(null);
  }

  dump(): WatchDump<R> {
    return { carrier: { ...this.#carrier, tail: this.#carrier.tail?.source ?? null }, suspects: this.#suspects };
  }

  /** @param own the carrier's own next record; null: it hasn't come */
  #decide(own: Suspect<R> | null): Verdict<R> {
    const suspects = this.#suspects;
    const { length, reasons } = this.#measureBlock(this.#carrier, suspects, own);
    const forged = suspects.slice(0, length).map((suspect, i) => ({ suspect, reason: reasons[i] ?? reasons.at(-1) ?? 'unsure' }));
    return { forged, genuine: own === null ? suspects.slice(length) : [...suspects.slice(length), own] };
  }

  #measureBlock(carrier: Carrier, suspects: readonly Suspect<R>[], own: Suspect<R> | null): { length: number; reasons: UntrustedReason[] } {
    const sized = blockBySize(carrier, suspects, own?.access?.sizeBytes ?? 0);
    if (sized !== null) return { length: sized, reasons: ['size'] };
    const tailed = blockByTail(carrier, suspects);
    if (tailed > 0) return { length: tailed, reasons: ['tail'] };
    const reasons = this.#judgeAll(carrier, suspects, own);
    // All before a forged one are of the same block.
    const last = reasons.findLastIndex((reason) => reason !== null);
    const known = reasons.slice(0, last + 1).map((reason) => reason ?? 'unsure');
    const length = carrier.isFree ? extendBlock(suspects, last + 1) : last + 1;
    return { length, reasons: [...known, ...Array.from({ length: length - known.length }, () => 'unsure' as const)] };
  }

  #judgeAll(carrier: Carrier, suspects: readonly Suspect<R>[], own: Suspect<R> | null): (UntrustedReason | null)[] {
    const closed = new Set<number>();
    const carrierStartMs = own === null ? Number.NaN : startOf(own);
    return suspects.map((suspect) => {
      const reason = this.#judge(suspect, carrier, carrierStartMs, closed);
      if (suspect.access !== null && suspect.requestNumber >= 0) closed.add(suspect.requestNumber);
      return reason;
    });
  }

  #judge(suspect: Suspect<R>, carrier: Carrier, carrierStartMs: number, closed: ReadonlySet<number>): UntrustedReason | null {
    const { requestNumber: number, timeMs } = suspect;
    if (timeMs < carrier.timeMs - STEP_BACK_MS) return 'stamp_steps_back';
    if (number < 0) return null;
    if (suspect.isBeforeAnswer && (this.#numbers.hasClosed(number) || closed.has(number))) return 'number_used_twice';
    if (number > Math.max(this.#numbers.highest, carrier.requestNumber) + NUMBER_LEAP) return 'number_off_sequence';
    const startMs = startOf(suspect);
    const isEarly = number > carrier.requestNumber && startMs < carrierStartMs - START_ORDER_MS;
    const isLate = number < carrier.requestNumber && startMs > carrierStartMs + START_ORDER_MS;
    return isEarly || isLate ? 'start_order' : null;
  }
}

/** The carrier's request goes on: at its access line; without an answer that repeats the text, at any record of it. */
function isOwn<R>(suspect: Suspect<R>, { echoedText }: Carrier): boolean {
  return suspect.access !== null || echoedText === null;
}

/** How many records the answer's size accounts for; null where it can't say. */
function blockBySize<R>({ echoedText, requestNumber }: Carrier, suspects: readonly Suspect<R>[], sizeBytes: number): number | null {
  if (echoedText === null || sizeBytes === 0) return null;
  let length = jsonLength(echoedText);
  for (let count = 0; ; count++) {
    const envelope = sizeBytes - length;
    if (envelope < LEAST_ENVELOPE) return null;
    if (envelope <= MOST_ENVELOPE) return count;
    const next = suspects[count];
    // Nobody outside knows the carrier's own number.
    if (next === undefined || next.requestNumber === requestNumber) return null;
    // The line end between them is two characters of JSON.
    length += 2 + jsonLength(next.raw);
  }
}

/** How many records stand before the last one that ends as the carrier must, that one included; 0 where none does. */
function blockByTail<R>({ tail }: Carrier, suspects: readonly Suspect<R>[]): number {
  return tail === null ? 0 : suspects.findLastIndex(({ raw }) => tail.test(raw)) + 1;
}

/**
 * Requests of several records, whose first and last stand in a row behind the block, belong to it for all that is known. An access line alone accuses
 * nobody: it's taken for what it says.
 */
function extendBlock<R>(suspects: readonly Suspect<R>[], from: number): number {
  let end = from;
  while (end < suspects.length) {
    const { requestNumber, access } = suspects[end] as Suspect<R>;
    if (requestNumber < 0 || access !== null) break;
    const last = suspects.findIndex((later, i) => i > end && later.requestNumber === requestNumber && later.access !== null);
    if (last < 0 || suspects.slice(end, last).some((between) => between.requestNumber !== requestNumber)) break;
    end = last + 1;
  }
  return end;
}

function startOf<R>({ timeMs, access }: Suspect<R>): number {
  return access === null ? Number.NaN : timeMs - access.procMs - Math.max(0, access.sendMs);
}

/** Bytes of a text in JSON as Python's json module writes it (ensure_ascii): UTF-16 units beyond ASCII take six. */
export function jsonLength(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22 || code === 0x5c) length += 2;
    else if (code >= 0x20 && code < 0x7f) length++;
    else length += code === 0x08 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d ? 2 : 6;
  }
  return length;
}
