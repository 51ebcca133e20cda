/** What a class knows of numbers and records comes back from its plain data whole: from there on it answers as one that was never stored. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRow, writeRow } from '../../../src/kept-rows.ts';
import { AccessLine } from '../../../src/records/access-line.ts';
import { ZoneClock, type ZoneClockDump } from '../../../src/records/timestamp.ts';
import { DoubledRecords, type DoubledRecordsDump } from '../../../src/requests/doubled-records.ts';
import { RequestNumbers, type RequestNumbersDump } from '../../../src/requests/request-numbers.ts';

/** Through the text that the database keeps. */
const stored = <T>(dump: T): T => readRow(writeRow(dump)) as T;

/** Plays `before` on both, stores and restores one of them, and then both have to say the same to `behind`. */
function expectSame<T, S>(create: () => T, copy: (from: T) => T, play: (on: T, step: S) => unknown, before: S[], behind: S[]): void {
  const undisturbed = create();
  for (const step of before) play(undisturbed, step);
  const restored = copy(undisturbed);
  for (const step of behind) expect(play(restored, step)).toEqual(play(undisturbed, step));
}

const steps = <S>(step: fc.Arbitrary<S>): fc.Arbitrary<S[]> => fc.array(step, { maxLength: 60, size: 'max' });

describe('restored', () => {
  it('request numbers know what had closed, and which process it is', () => {
    const number = fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 65_500, max: 65_580 }), fc.integer({ min: 0, max: 200_000 }));
    const step = fc.oneof(number, number, fc.constant('banner' as const));
    const play = (numbers: RequestNumbers, next: number | 'banner') => {
      if (next === 'banner') numbers.expectRestart();
      else {
        const hadClosed = numbers.hasClosed(next);
        numbers.close(next);
        return [hadClosed, numbers.incarnation, numbers.epoch, numbers.highest];
      }
      return [];
    };
    const copy = (from: RequestNumbers) => {
      const to = new RequestNumbers();
      to.restore(stored<RequestNumbersDump>(from.dump()));
      return to;
    };
    fc.assert(
      fc.property(steps(step), steps(step), (before, behind) => expectSame(() => new RequestNumbers(), copy, play, before, behind)),
      { numRuns: 300 },
    );
  });

  it('doubled records are known again', () => {
    const step = fc.record({
      kind: fc.constantFrom('match' as const, 'access' as const),
      number: fc.nat({ max: 700 }),
      timeMs: fc.constantFrom(1000, 2000, Number.NaN),
      text: fc.constantFrom('a', 'b', 'é'),
    });
    const play = (
      doubled: DoubledRecords,
      { kind, number, timeMs, text }: { kind: string; number: number; timeMs: number; text: string },
    ) => {
      if (kind === 'match') return doubled.isDoubledMatch(number % 5, timeMs, text);
      const line = Object.assign(new AccessLine(), { requestNumber: number, timeMs, procMs: text.length, sizeBytes: 7, end: 50 });
      const isDoubled = doubled.isDoubledAccessLine(line);
      doubled.rememberAccessLine(line);
      return isDoubled;
    };
    const copy = (from: DoubledRecords) => {
      const to = new DoubledRecords();
      to.restore(stored<DoubledRecordsDump>(from.dump()));
      return to;
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), steps(step), (before, behind) =>
        expectSame(() => new DoubledRecords(), copy, play, before, behind),
      ),
      { numRuns: 300 },
    );
  });

  it('a clock knows in which of two hours it is', () => {
    // Berlin's clocks went back on 2026-10-25 at 03:00: from 02:00 to 03:00 every time comes twice.
    const stepMs = 10_000;
    // Around its two ends it matters most.
    const [fromMs, toMs] = [Date.UTC(2026, 9, 25, 2), Date.UTC(2026, 9, 25, 3)];
    const step = fc
      .tuple(fc.constantFrom(fromMs, fromMs + 1_800_000, toMs), fc.integer({ min: -9, max: 9 }))
      .map(([ms, steps]) => ms + steps * stepMs);
    const create = () => new ZoneClock('Europe/Berlin');
    const copy = (from: ZoneClock) => {
      const to = create();
      to.restore(stored<ZoneClockDump>(from.dump()));
      return to;
    };
    fc.assert(
      fc.property(steps(step), steps(step), (before, behind) =>
        expectSame(create, copy, (clock, wallMs: number) => clock.toEpochMs(wallMs), before, behind),
      ),
      { numRuns: 200 },
    );
  });
});

describe('a row', () => {
  it('carries any plain data, odd numbers too', () => {
    const value = fc.jsonValue().chain((json) => fc.record({ json: fc.constant(json), number: fc.double(), list: fc.array(fc.double()) }));
    fc.assert(
      fc.property(value, (data) => {
        // −0 is no number that anybody keeps apart.
        const plain = JSON.parse(JSON.stringify(data.json)) as unknown;
        const numbers = [data.number, ...data.list].map((number) => number + 0);
        expect(readRow(writeRow({ plain, numbers }))).toEqual({
          plain,
          numbers: numbers.map((number) => (Object.is(number, -0) ? 0 : number)),
        });
      }),
    );
  });
});
