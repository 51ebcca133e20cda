/** Records that a shutdown writes twice are one record; records that only look alike are two. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessLine } from '../../../src/records/access-line.ts';
import { DoubledRecords } from '../../../src/requests/doubled-records.ts';

function line(requestNumber: number, more: Partial<Pick<AccessLine, 'timeMs' | 'procMs' | 'sizeBytes' | 'end'>> = {}): AccessLine {
  return Object.assign(new AccessLine(), { requestNumber, timeMs: 1000, procMs: 12, sizeBytes: 525, requestStart: 0, end: 300, ...more });
}

describe('an access line', () => {
  it('is doubled if the same one was there', () => {
    const doubled = new DoubledRecords();
    doubled.rememberAccessLine(line(7));
    doubled.rememberAccessLine(line(8));
    expect(doubled.isDoubledAccessLine(line(7))).toBe(true);
    expect(doubled.isDoubledAccessLine(line(8))).toBe(true);
    expect(doubled.isDoubledAccessLine(line(9))).toBe(false);
  });

  it.each([
    ['time', { timeMs: 1001 }],
    ['duration', { procMs: 13 }],
    ['size', { sizeBytes: 526 }],
    ['length', { end: 301 }],
  ])('of another %s is another one', (_, more) => {
    const doubled = new DoubledRecords();
    doubled.rememberAccessLine(line(7));
    expect(doubled.isDoubledAccessLine(line(7, more))).toBe(false);
  });

  it('without time is never taken for doubled', () => {
    const doubled = new DoubledRecords();
    doubled.rememberAccessLine(line(7, { timeMs: Number.NaN }));
    expect(doubled.isDoubledAccessLine(line(7, { timeMs: Number.NaN }))).toBe(false);
  });

  it('is found as doubled behind the many that a flush repeats, and never mixed up with another number', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e9 }), fc.uniqueArray(fc.nat({ max: 5000 }), { maxLength: 100, size: 'max' }), (start, ahead) => {
        const doubled = new DoubledRecords();
        const numbers = ahead.map((n) => start + n);
        for (const number of numbers) doubled.rememberAccessLine(line(number));
        // Numbers that fall on one place of the memory: the last one is known, and none is taken for another.
        for (const number of numbers)
          if (!numbers.includes(number + 512)) expect(doubled.isDoubledAccessLine(line(number + 512))).toBe(false);
        for (const [index, number] of numbers.entries())
          if (!numbers.slice(index + 1).some((later) => (later - number) % 512 === 0))
            expect(doubled.isDoubledAccessLine(line(number))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a matched record', () => {
  it('is doubled if the same one was among the last ones, to the letter', () => {
    const doubled = new DoubledRecords();
    expect(doubled.isDoubledMatch(7, 1000, 'message')).toBe(false);
    for (const [number, timeMs, message] of [
      [8, 1000, 'message'],
      [7, 1001, 'message'],
      [7, 1000, 'messagf'],
      [7, 1000, 'message '],
    ] as const)
      expect(doubled.isDoubledMatch(number, timeMs, message)).toBe(false);
    expect(doubled.isDoubledMatch(7, 1000, 'message')).toBe(true);
    expect(doubled.isDoubledMatch(7, 1000, 'message')).toBe(true);
  });

  it('without time is never taken for doubled', () => {
    const doubled = new DoubledRecords();
    expect([doubled.isDoubledMatch(7, Number.NaN, 'm'), doubled.isDoubledMatch(7, Number.NaN, 'm')]).toEqual([false, false]);
  });

  it('is known behind the ten that the memory handler holds, and forgotten behind a hundred', () => {
    const doubled = new DoubledRecords();
    doubled.isDoubledMatch(7, 1000, 'm');
    for (let i = 0; i < 10; i++) doubled.isDoubledMatch(i + 100, 1000, 'm');
    expect(doubled.isDoubledMatch(7, 1000, 'm')).toBe(true);
    for (let i = 0; i < 100; i++) doubled.isDoubledMatch(i + 1000, 1000, 'm');
    expect(doubled.isDoubledMatch(7, 1000, 'm')).toBe(false);
  });

  it('of great length is compared by its length', () => {
    const doubled = new DoubledRecords();
    const long = 'x'.repeat(100_000);
    doubled.isDoubledMatch(7, 1000, long);
    expect([doubled.isDoubledMatch(7, 1000, `${long.slice(1)}y`), doubled.isDoubledMatch(7, 1000, `${long}y`)]).toEqual([true, false]);
  });
});
