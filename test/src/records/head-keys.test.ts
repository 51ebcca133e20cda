/** Whether two files hold the same records: the JSON twin of a text log isn't counted again. */
import { describe, expect, it } from 'vitest';
import { isTwin, readHeadKeys } from '../../../src/records/head-keys.ts';
import { ZoneClock } from '../../../src/records/timestamp.ts';
import {
  ALL_ENVELOPES,
  accessEntry,
  bannerEntries,
  LAYOUTS,
  type Layout,
  type LogEntry,
  renderEnveloped,
  renderLog,
  START_MS,
} from './log-lines.ts';
import { unwanted } from './recording-handler.ts';

const run = (startMs: number, length = 40): LogEntry[] => [
  ...bannerEntries(startMs),
  ...Array.from({ length }, (_, i) =>
    i % 2 === 0
      ? accessEntry({ timeMs: startMs + 137 * i, request: `GET-${i}` }, { uri: `/${i}` })
      : unwanted(`message ${i}`, { timeMs: startMs + 137 * i, request: `_process-${i}` }),
  ),
];
const keysOf = (entries: readonly LogEntry[], name: Layout, timeZone = 'UTC') =>
  readHeadKeys(Buffer.from(renderLog(entries, name)), new ZoneClock(timeZone));

describe('two files', () => {
  it.each(Object.keys(LAYOUTS) as Layout[])('are twins where one is the default layout and the other is "%s"', (name) => {
    const [a, b] = [keysOf(run(START_MS), 'precise'), keysOf(run(START_MS), name)];
    expect([isTwin(a, b), isTwin(b, a)]).toEqual([true, true]);
  });

  it.each(ALL_ENVELOPES)('are twins where one is what a container wrote, in the envelope "%s"', (envelope) => {
    const a = keysOf(run(START_MS), 'precise');
    const b = readHeadKeys(Buffer.from(renderEnveloped(run(START_MS), envelope)), new ZoneClock('UTC'));
    expect([isTwin(a, b), isTwin(b, a)]).toEqual([true, true]);
  });

  it.each([
    ['two runs of one server', run(START_MS), run(START_MS + 3_600_000)],
    ['two workers that started together', run(START_MS), [...bannerEntries(START_MS), ...run(START_MS + 71).slice(3)]],
    ['a file and an empty one', run(START_MS), []],
    ['two empty files', [], []],
    ['two files with a record or two', run(START_MS).slice(0, 2), run(START_MS).slice(0, 2)],
  ])('aren’t where they are %s', (_, a, b) => {
    expect(isTwin(keysOf(a, 'precise'), keysOf(b, 'precise'))).toBe(false);
  });

  it('are twins where one lacks the records of a logger with a handler of its own', () => {
    const without = run(START_MS).filter(({ logger }) => !logger.startsWith('synapse.access'));
    expect(isTwin(keysOf(run(START_MS), 'precise'), keysOf(without, 'JSON, terse'))).toBe(true);
  });

  it('are no twins where only the zone makes them look so', () => {
    expect(isTwin(keysOf(run(START_MS), 'precise', 'Europe/Berlin'), keysOf(run(START_MS), 'JSON, terse'))).toBe(false);
    expect(isTwin(keysOf(run(START_MS + 7_200_000), 'precise', 'Europe/Berlin'), keysOf(run(START_MS), 'JSON, terse'))).toBe(true);
  });
});
