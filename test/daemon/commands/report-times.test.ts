import { describe, expect, it } from 'vitest';
import { createReportTimes, formatDuration } from '../../../daemon/commands/report-times.ts';

type Sources = Parameters<typeof createReportTimes>[1];

function times(timeZone: string, firstTime: string | null, lastTime: string | null): ReturnType<typeof createReportTimes> {
  return createReportTimes(timeZone, [{ firstTime, lastTime }] as unknown as Sources);
}

describe('times in a table', () => {
  it.each([
    ['within a day', '2026-06-30T12:00:00.000Z', '2026-06-30T13:00:00.000Z', '12:30:15'],
    ['over midnight', '2026-06-29T12:00:00.000Z', '2026-06-30T13:00:00.000Z', '06-30 12:30'],
    ['over a year', '2025-06-29T12:00:00.000Z', '2026-06-30T13:00:00.000Z', '2026-06-30'],
  ])('are as short as they can be told apart: %s', (_name, first, last, expected) => {
    expect(times('UTC', first, last).format('2026-06-30T12:30:15.500Z')).toBe(expected);
  });

  it('are of the zone of the log, whose day may be another one', () => {
    const berlin = times('Europe/Berlin', '2026-06-30T21:59:00.000Z', '2026-06-30T22:01:00.000Z');
    expect(berlin.format('2026-06-30T22:00:00.000Z')).toBe('07-01 00:00');
  });

  it('are a dash where none is known', () => {
    expect(times('UTC', null, null).format(null)).toBe('-');
  });
});

describe('the period', () => {
  it('is told in the zone of the log and in UTC', () => {
    expect(times('Europe/Berlin', '2026-01-01T12:00:00.000Z', '2026-07-01T12:00:00.000Z').describePeriod()).toEqual([
      'From 2026-01-01 13:00:00 to 2026-07-01 14:00:00 Europe/Berlin (181 d),',
      'that is 2026-01-01 12:00:00 to 2026-07-01 12:00:00 UTC.',
    ]);
  });

  it('is told once where the log is in UTC', () => {
    expect(times('Etc/UTC', '2026-01-01T12:00:00.000Z', '2026-01-01T12:00:00.100Z').describePeriod()).toEqual([
      'From 2026-01-01 12:00:00 to 2026-01-01 12:00:00 UTC (less than 1 s).',
    ]);
  });

  it('is not known where no record has a time', () => {
    expect(times('UTC', null, null).describePeriod()).toEqual(['From when it is, no line says.']);
    expect(createReportTimes('UTC', []).describePeriod()).toEqual(['From when it is, no line says.']);
  });
});

it.each([
  [0, 'less than 1 s'],
  [59_400, '59 s'],
  [60_000, '1 min'],
  [164_357, '2 min 44 s'],
  [3_600_000 + 5_000, '1 h'],
  [90_000_000, '1 d 1 h'],
])('%i ms is %s', (durationMs, expected) => {
  expect(formatDuration(durationMs)).toBe(expected);
});
