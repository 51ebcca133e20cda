/** Which records behind a client's text are the client's: each sign on its own, at its bounds. */
import { describe, expect, it } from 'vitest';
import { isOddNumber, NumberWatch, OFF_SEQUENCE } from '../../../src/requests/number-watch.ts';
import {
  type Carrier,
  CarrierWatch,
  jsonLength,
  MAX_SUSPECTS,
  MAX_WAIT_MS,
  type NumberHistory,
  type Suspect,
  type Verdict,
} from '../../../src/requests/record-trust.ts';

const T0 = 1_782_820_800_000;
const CARRIER_NUMBER = 100;
const CARRIER: Carrier = { requestNumber: CARRIER_NUMBER, timeMs: T0, echoedText: null, tail: null, isFree: false };

const history = (highest: number, ...closed: readonly number[]): NumberHistory => ({
  highest,
  hasClosed: (number) => closed.includes(number),
});

interface Fields {
  readonly timeMs?: number;
  readonly raw?: string;
  readonly sizeBytes?: number;
  readonly procMs?: number;
  readonly isBeforeAnswer?: boolean;
}

const record = (
  name: string,
  requestNumber: number,
  { timeMs = T0 + 1, raw = 'x'.repeat(100), isBeforeAnswer = true }: Fields = {},
): Suspect<string> => ({
  record: name,
  timeMs,
  requestNumber,
  raw,
  isBeforeAnswer,
  access: null,
});
const answer = (name: string, requestNumber: number, { sizeBytes = 0, procMs = 0, ...fields }: Fields = {}): Suspect<string> => ({
  ...record(name, requestNumber, fields),
  access: { procMs, sendMs: 0, sizeBytes },
});

/** What was said of them: `name reason` for the forged ones, then the names of the others. */
function judge(
  carrier: Carrier,
  numbers: NumberHistory,
  suspects: readonly Suspect<string>[],
): { forged: string[]; genuine: string[] } | null {
  const watch = new CarrierWatch<string>(numbers, carrier);
  let verdict: Verdict<string> | null = null;
  for (const suspect of suspects) verdict = watch.add(suspect);
  return verdict && describeVerdict(verdict);
}

function describeVerdict({ forged, genuine }: Verdict<string>) {
  return { forged: forged.map(({ suspect, reason }) => `${suspect.record} ${reason}`), genuine: genuine.map((suspect) => suspect.record) };
}

describe('the size of an answer', () => {
  const text = 'Unknown login type x';
  const echoing: Carrier = { ...CARRIER, echoedText: text };
  const own = (sizeBytes: number) => answer('own', CARRIER_NUMBER, { sizeBytes });
  const line = 'y'.repeat(120);

  it.each([
    ['that fits the text alone', text.length + 34, []],
    ['with the longest code', text.length + 64, []],
    ['that fits the text and one line', text.length + 2 + line.length + 34, ['a size']],
    ['that fits the text and two lines', text.length + 2 * (2 + line.length) + 34, ['a size', 'b size']],
  ])('%s', (_, sizeBytes, forged) => {
    const suspects = [record('a', 101, { raw: line }), record('b', 102, { raw: line }), own(sizeBytes)];
    expect(judge(echoing, history(99), suspects)?.forged).toEqual(forged);
  });

  it('counts the characters as Python’s json writes them', () => {
    for (const each of ['plain', '"\\', '\n\t\r\b\f', '\u0001', '\u007f'])
      expect(jsonLength(each)).toBe(each === '\u007f' ? 6 : JSON.stringify(each).length - 2);
    expect([jsonLength('é'), jsonLength('日'), jsonLength('😀')]).toEqual([6, 6, 12]);
  });

  it('that fits nothing leaves it to the other signs', () => {
    const suspects = [record('a', 101, { raw: line }), record('far', 5000, { raw: line }), own(10_000)];
    expect(judge(echoing, history(99), suspects)).toEqual({ forged: ['a unsure', 'far number_off_sequence'], genuine: ['own'] });
  });

  it('never takes a record of the carrier’s own number for a forged one', () => {
    const suspects = [record('mine', CARRIER_NUMBER, { raw: line }), own(text.length + 2 + line.length + 34)];
    expect(judge(echoing, history(99), suspects)).toEqual({ forged: [], genuine: ['mine', 'own'] });
  });
});

describe('a tail that is missing', () => {
  const tailed: Carrier = { ...CARRIER, tail: /, address 'a'$/ };

  it('makes a block up to where it stands', () => {
    const suspects = [record('a', 101), record('b', 101, { raw: "…, address 'a'" }), record('c', 102), record('own', CARRIER_NUMBER)];
    expect(judge(tailed, history(99), suspects)).toEqual({ forged: ['a tail', 'b tail'], genuine: ['c', 'own'] });
  });

  it('that stands nowhere says nothing', () => {
    expect(judge(tailed, history(99), [record('a', 101), record('own', CARRIER_NUMBER)])).toEqual({ forged: [], genuine: ['a', 'own'] });
  });
});

describe('a record that can’t be genuine', () => {
  const own = answer('own', CARRIER_NUMBER, { timeMs: T0 + 5000, procMs: 5000 });
  it.each<[string, Suspect<string>, NumberHistory, string | null]>([
    ['a number that had closed', record('a', 50), history(99, 50), 'number_used_twice'],
    ['a late record of a number that had closed', record('a', 50, { isBeforeAnswer: false }), history(99, 50), null],
    ['a number far off', record('a', 301), history(99), 'number_off_sequence'],
    ['a number just within', record('a', 300), history(99), null],
    ['a number within, from the highest on', record('a', 1200), history(1000), null],
    ['a stamp that steps back', record('a', 101, { timeMs: T0 - 51 }), history(99), 'stamp_steps_back'],
    ['a stamp that steps back as genuine ones do', record('a', 101, { timeMs: T0 - 50 }), history(99), null],
    ['a start before the carrier’s with a higher number', answer('a', 101, { timeMs: T0 + 1, procMs: 1002 }), history(99), 'start_order'],
    ['the same, as far as genuine ones go', answer('a', 101, { timeMs: T0 + 1, procMs: 1001 }), history(99), null],
    ['a start after the carrier’s with a lower number', answer('a', 99, { timeMs: T0 + 1001 }), history(98), 'start_order'],
    ['no number', record('a', -1), history(99), null],
  ])('%s', (_, suspect, numbers, reason) => {
    expect(judge(CARRIER, numbers, [suspect, own])?.forged).toEqual(reason === null ? [] : [`a ${reason}`]);
  });

  it('makes those before it a block with it', () => {
    expect(judge(CARRIER, history(99), [record('a', 101), record('far', 9000), record('c', 102), own])).toEqual({
      forged: ['a unsure', 'far number_off_sequence'],
      genuine: ['c', 'own'],
    });
  });
});

describe('behind a text that anybody may choose, with no size', () => {
  const free: Carrier = { ...CARRIER, echoedText: 'Unknown login type x', isFree: true };
  const own = answer('own', CARRIER_NUMBER);
  it('a whole request of several records isn’t believed; an access line alone, and one that goes on, are', () => {
    const whole = [record('a', 101), record('b', 101), answer('c', 101)];
    expect(judge(free, history(99), [...whole, answer('d', 102), own])).toEqual({
      forged: ['a unsure', 'b unsure', 'c unsure'],
      genuine: ['d', 'own'],
    });
    expect(judge(free, history(99), [record('a', 101), own])).toEqual({ forged: [], genuine: ['a', 'own'] });
    expect(judge({ ...free, isFree: false }, history(99), [...whole, own])?.forged).toEqual([]);
  });
});

describe('waiting', () => {
  it('ends with the carrier’s own record, too many records, or too long a time', () => {
    const many = Array.from({ length: MAX_SUSPECTS }, (_, i) => record(String(i), 101 + i));
    expect(judge(CARRIER, history(99), many.slice(1))).toBeNull();
    expect(judge(CARRIER, history(99), many)?.genuine).toHaveLength(MAX_SUSPECTS);
    expect(judge(CARRIER, history(99), [record('a', 101, { timeMs: T0 + MAX_WAIT_MS })])).toBeNull();
    expect(judge(CARRIER, history(99), [record('a', 101, { timeMs: T0 + MAX_WAIT_MS + 1 })])?.genuine).toEqual(['a']);
  });
});

describe('a number that can’t be the next one', () => {
  it.each([
    [1099, false],
    [1100, false],
    [1101, true],
    [50, true],
    [51, false],
  ])('%i is odd: %s', (number, isOdd) => {
    expect(isOddNumber(history(100, 50), number)).toBe(isOdd);
    expect(OFF_SEQUENCE).toBe(1000);
  });

  it('is none at the beginning, where nothing is known', () => {
    expect(isOddNumber(history(-1), 99_999)).toBe(false);
  });

  const watch = (numbers: NumberHistory, ...suspects: readonly Suspect<string>[]) => {
    const number = new NumberWatch<string>(numbers);
    let verdict: Verdict<string> | null = null;
    for (const suspect of suspects) verdict ??= number.add(suspect);
    return describeVerdict(verdict ?? number.end());
  };

  it('is forged where the sequence goes on as before', () => {
    expect(watch(history(100), answer('far', 9000), record('with it', 9000), answer('next', 101))).toEqual({
      forged: ['far number_off_sequence', 'with it number_off_sequence'],
      genuine: ['next'],
    });
    expect(watch(history(100, 50), answer('again', 50), answer('next', 101)).forged).toEqual(['again number_used_twice']);
  });

  it('is the sequence where others follow it: a gap, or a start whose banner was lost', () => {
    expect(watch(history(100), answer('a', 9000), answer('b', 9001), answer('c', 9003))).toEqual({ forged: [], genuine: ['a', 'b', 'c'] });
    expect(watch(history(100, 0, 1, 2), answer('a', 0), answer('b', 1), answer('c', 2)).forged).toEqual([]);
  });

  it('is not the sequence where the others are off it, each elsewhere', () => {
    expect(watch(history(100), answer('a', 9000), answer('b', 90_000), answer('c', 900_000), answer('next', 102)).forged).toHaveLength(3);
  });

  it('is not believed where nothing follows', () => {
    expect(watch(history(100), answer('far', 9000))).toEqual({ forged: ['far number_off_sequence'], genuine: [] });
  });
});
