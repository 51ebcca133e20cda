/** Log time: wall time of a zone to epoch time, over the two days a year on which that isn't one to one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStampSecond, ZoneClock } from '../../../src/records/timestamp.ts';
import { asctime } from './log-lines.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** `2026-06-30 12:00:00` read as if it were UTC. */
const wall = (text: string) => Date.parse(`${text.replace(' ', 'T')}Z`);

/** What the wall shows in a zone at a moment, as if it were UTC: by Intl's other interface than the one under test uses. */
function wallAt(timeZone: string, epochMs: number): number {
  const format = FORMATS.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  FORMATS.set(timeZone, format);
  return wall(format.format(epochMs));
}
const FORMATS = new Map<string, Intl.DateTimeFormat>();

const iso = (epochMs: number) => new Date(epochMs).toISOString();

describe('a zone clock', () => {
  it.each([
    ['UTC', '2026-06-30 12:00:00', '2026-06-30T12:00:00.000Z'],
    ['Europe/Berlin', '2026-06-30 12:00:00', '2026-06-30T10:00:00.000Z'],
    ['Europe/Berlin', '2026-01-15 12:00:00', '2026-01-15T11:00:00.000Z'],
    ['America/New_York', '2026-06-30 12:00:00', '2026-06-30T16:00:00.000Z'],
    ['America/New_York', '2026-12-31 23:59:59', '2027-01-01T04:59:59.000Z'],
    ['Australia/Lord_Howe', '2026-06-30 12:00:00', '2026-06-30T01:30:00.000Z'],
    ['Australia/Lord_Howe', '2026-01-15 12:00:00', '2026-01-15T01:00:00.000Z'],
    ['Asia/Kathmandu', '2026-06-30 12:00:00', '2026-06-30T06:15:00.000Z'],
    ['Pacific/Kiritimati', '2026-06-30 12:00:00', '2026-06-29T22:00:00.000Z'],
  ])('of %s reads %s as %s', (timeZone, text, expected) => {
    expect(iso(new ZoneClock(timeZone).toEpochMs(wall(text)))).toBe(expected);
  });

  it.each([
    ['Europe/Berlin', '2026-03-29 02:00:00', '2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '2026-03-29 02:59:59', '2026-03-29T01:59:59.000Z'],
    ['Europe/Berlin', '2026-03-29 03:00:00', '2026-03-29T01:00:00.000Z'],
    ['America/New_York', '2026-03-08 02:30:00', '2026-03-08T07:30:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-04 02:15:00', '2026-10-03T15:45:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-04 02:30:00', '2026-10-03T15:30:00.000Z'],
  ])('of %s reads %s, in the spring hour that is left out or just behind it, as %s', (timeZone, text, expected) => {
    expect(iso(new ZoneClock(timeZone).toEpochMs(wall(text)))).toBe(expected);
  });

  it.each([
    [
      'Europe/Berlin',
      ['01:59:59', '02:00:00', '02:30:00', '02:59:59'],
      ['02:00:00', '02:30:00', '02:59:59', '03:00:00'],
      '2026-10-25',
      '2026-10-24T23:59:59.000Z',
      60,
    ],
    [
      'America/New_York',
      ['00:59:59', '01:00:00', '01:30:00', '01:59:59'],
      ['01:00:00', '01:30:00', '01:59:59', '02:00:00'],
      '2026-11-01',
      '2026-11-01T04:59:59.000Z',
      60,
    ],
    [
      'Australia/Lord_Howe',
      ['01:29:59', '01:30:00', '01:45:00', '01:59:59'],
      ['01:30:00', '01:45:00', '01:59:59', '02:00:00'],
      '2026-04-05',
      '2026-04-04T14:29:59.000Z',
      30,
    ],
  ] as const)(
    'of %s takes the autumn hour first as summer time, and as winter time once the log has stepped back',
    (timeZone, first, second, day, start, minutes) => {
      const clock = new ZoneClock(timeZone);
      const times = [...first, ...second].map((text) => clock.toEpochMs(wall(`${day} ${text}`)));
      expect(iso(times[0]!)).toBe(start);
      expect(times.slice(0, 4).map((time) => wallAt(timeZone, time))).toEqual(first.map((text) => wall(`${day} ${text}`)));
      // The same wall times again, later by what was put back.
      expect(times.slice(4, 7)).toEqual(times.slice(1, 4).map((time) => time + minutes * MINUTE_MS));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    },
  );

  it('isn’t thrown into the second hour by lines that come a little out of order', () => {
    const clock = new ZoneClock('Europe/Berlin');
    const read = (text: string) => iso(clock.toEpochMs(wall(`2026-10-25 ${text}`)));
    expect([read('02:30:01'), read('02:30:00'), read('02:29:02'), read('02:30:03')]).toEqual([
      '2026-10-25T00:30:01.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T00:29:02.000Z',
      '2026-10-25T00:30:03.000Z',
    ]);
    // Over the change itself: a line of the first hour that comes late, and the second hour goes on.
    expect([read('02:59:59'), read('02:00:00'), read('02:59:59'), read('02:00:01')]).toEqual([
      '2026-10-25T00:59:59.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T00:59:59.000Z',
      '2026-10-25T01:00:01.000Z',
    ]);
  });

  it('stays in the second hour where the log is quiet for most of it', () => {
    const clock = new ZoneClock('Europe/Berlin');
    const read = (text: string) => iso(clock.toEpochMs(wall(`2026-10-25 ${text}`)));
    expect([read('02:30:00'), read('02:00:00'), read('02:59:30')]).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:59:30.000Z',
    ]);
  });

  it('takes the hour once where the log begins in it', () => {
    expect(iso(new ZoneClock('Europe/Berlin').toEpochMs(wall('2026-10-25 02:30:00')))).toBe('2026-10-25T00:30:00.000Z');
  });

  it('refuses a zone that nobody knows', () => {
    expect(() => new ZoneClock('Europe/Nowhere')).toThrow(RangeError);
  });

  it.each(['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'America/St_Johns', 'Asia/Kolkata'])(
    'of %s gives back every moment of a log that is written in that zone, over any change of time',
    (timeZone) => {
      const changes = [
        '2026-03-29T00:00:00Z',
        '2026-10-25T00:00:00Z',
        '2026-03-08T06:00:00Z',
        '2026-11-01T05:00:00Z',
        '2026-04-04T14:30:00Z',
        '2026-10-03T15:00:00Z',
        '2026-02-15T02:00:00Z',
        '2026-03-22T02:00:00Z',
      ];
      const start = fc
        .tuple(fc.constantFrom(...changes), fc.integer({ min: -4 * 3600, max: 3600 }))
        .map(([change, seconds]) => Date.parse(change) + seconds * SECOND_MS);
      // A busy log: no gap longer than the doubled half hour, or nobody could know.
      const steps = fc.array(fc.integer({ min: 1, max: 20 * 60 }), { minLength: 30, maxLength: 60, size: 'max' });
      fc.assert(
        fc.property(start, steps, (startMs, gaps) => {
          const clock = new ZoneClock(timeZone);
          let now = startMs;
          // A log that begins in the second of two hours can't know it.
          if (wallAt(timeZone, now - HOUR_MS) === wallAt(timeZone, now) || wallAt(timeZone, now - HOUR_MS / 2) === wallAt(timeZone, now))
            return;
          for (const gap of gaps) {
            expect(iso(clock.toEpochMs(wallAt(timeZone, now)))).toBe(iso(now));
            now += gap * SECOND_MS;
          }
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    'of %s gives a moment at which the wall shows that time, or in spring leaves it out, for any wall times in any order',
    (timeZone) => {
      const around = fc.constantFrom(
        wall('2026-03-29 02:00:00'),
        wall('2026-10-25 02:00:00'),
        wall('2026-11-01 01:00:00'),
        wall('2026-04-05 01:30:00'),
        wall('2026-10-04 02:00:00'),
      );
      fc.assert(
        fc.property(around, fc.array(fc.integer({ min: -3 * 3600, max: 3 * 3600 }), { maxLength: 50, size: 'max' }), (base, seconds) => {
          const clock = new ZoneClock(timeZone);
          for (const second of seconds) {
            const wallMs = base + second * SECOND_MS;
            const epochMs = clock.toEpochMs(wallMs);
            // It's a moment at which the wall shows this, or (in spring) one that the wall leaves out.
            expect(Math.abs(wallAt(timeZone, epochMs) - wallMs)).toBeLessThanOrEqual(HOUR_MS);
            expect([wallMs, wallMs + HOUR_MS, wallMs + HOUR_MS / 2]).toContain(wallAt(timeZone, epochMs));
          }
        }),
        { numRuns: 60 },
      );
    },
  );
});

describe('a stamp', () => {
  const parse = (text: string) => parseStampSecond(Buffer.from(text), 0);

  it('is read to the second as wall time, for any moment since 1970', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (second) => {
        expect(parse(asctime(second * SECOND_MS))).toBe(second * SECOND_MS);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes a leap second as the second behind it', () => {
    expect(parse('2016-12-31 23:59:60,000')).toBe(wall('2017-01-01 00:00:00'));
  });

  it.each([
    '',
    '2026',
    '1969-12-31 23:59:59',
    '2026-13-01 00:00:00',
    '2026-00-01 00:00:00',
    '2026-01-00 00:00:00',
    '2026-01-32 00:00:00',
    '2026-01-01 24:00:00',
    '2026-01-01 00:60:00',
    '2026-01-01 00:00:61',
    '2026/01/01 00:00:00',
    '2026-01-01T00:00:00',
    '2026-01-01 00.00.00',
    'abcd-01-01 00:00:00',
    '2026-01-01 0x:00:00',
  ])('is none: "%s"', (text) => {
    expect(parse(text)).toBeNaN();
  });
});
