/**
 * Times of a report, as short as they can be told apart. In: the log's zone, and the period that was read. Out: the period in words, and times
 * in the log's zone: `16:55:19` where all is of one day, `06-30 16:55` within some months, else with the year and without the hour.
 */
import type { Analysis } from '../../src/analysis.ts';

export interface ReportTimes {
  /** What `format` shows, for a table's title: `seen`. */
  readonly title: string;
  /** ISO with zone, as in an analysis; null gives `-`. */
  format(time: string | null): string;
  /** The period in the log's zone and, where that is another one, in UTC; what is known of it where it isn't. */
  describePeriod(): readonly string[];
}

const DAY_MS = 86_400_000;
/** Above this a month and day may come twice. */
const SAME_YEAR_MS = 300 * DAY_MS;
const UTC_NAMES: ReadonlySet<string> = new Set([
  'UTC',
  'Etc/UTC',
  'Etc/UCT',
  'Etc/GMT',
  'GMT',
  'Etc/Zulu',
  'Zulu',
  'UCT',
  'Universal',
  'Etc/Universal',
]);

export function createReportTimes(timeZone: string, sources: Analysis['sources']): ReportTimes {
  const local = createClock(timeZone);
  const firstMs = Math.min(...sources.flatMap(({ firstTime }) => (firstTime === null ? [] : [Date.parse(firstTime)])));
  const lastMs = Math.max(...sources.flatMap(({ lastTime }) => (lastTime === null ? [] : [Date.parse(lastTime)])));
  const isOneDay = local(firstMs).slice(0, 10) === local(lastMs).slice(0, 10);
  const [from, to] = isOneDay ? [11, 19] : lastMs - firstMs < SAME_YEAR_MS ? [5, 16] : [0, 10];
  return {
    title: 'seen',
    format: (time) => (time === null ? '-' : local(Date.parse(time)).slice(from, to)),
    describePeriod: () => {
      if (!Number.isFinite(firstMs)) return ['From when it is, no line says.'];
      const utc = `${createClock('UTC')(firstMs)} to ${createClock('UTC')(lastMs)} UTC`;
      const duration = formatDuration(lastMs - firstMs);
      if (UTC_NAMES.has(timeZone)) return [`From ${utc} (${duration}).`];
      return [`From ${local(firstMs)} to ${local(lastMs)} ${timeZone} (${duration}),`, `that is ${utc}.`];
    },
  };
}

/** Epoch ms → `2026-06-30 12:00:00`, of the zone's clocks; '' for what isn't a time. */
function createClock(timeZone: string): (epochMs: number) => string {
  // Swedish dates are ISO's: `2026-06-30 12:00:00`.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return (epochMs) => (Number.isFinite(epochMs) ? format.format(epochMs) : '');
}

/** `2 min 45 s`, `3 h 12 min`, `12 d 4 h`; below a second `less than 1 s`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 1) return 'less than 1 s';
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
