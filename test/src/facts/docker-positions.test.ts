/** Facts from a Docker json-file log say where its own lines begin: they are what a reader of the evidence looks for. */
import { expect, it } from 'vitest';
import { accessEntry, LAYOUTS, offerEntry, START_MS, UPLOAD_URI } from '../records/log-lines.ts';
import { readLog } from './read-log.ts';

const RESTART = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abcdefghijklmnopqrst/restart';

it('records and access lines alike', () => {
  const entries = Array.from({ length: 20 }, (_, i) => {
    const at = { timeMs: START_MS + i * 100, request: `POST-${i}` };
    return i % 2 === 0
      ? accessEntry(at, { uri: RESTART, requester: 'None' })
      : offerEntry(at, { userId: '@a:hs', deviceId: 'DEV' }, ['a:b']);
  });
  entries.push(
    ...entries
      .filter((_, i) => i % 2 === 1)
      .map(({ request }, i) => accessEntry({ timeMs: START_MS + 3000 + i, request }, { uri: UPLOAD_URI })),
  );
  const lines = entries.map(
    (entry) => `${JSON.stringify({ log: `${LAYOUTS.precise(entry)}\n`, stream: 'stdout', time: '2026-06-30T12:00:00.000Z' })}\n`,
  );
  const starts = new Set<number>();
  let at = 0;
  for (const line of lines) {
    starts.add(at);
    at += Buffer.byteLength(line);
  }
  const positions = readLog(lines.join('')).facts.flatMap(({ provenance }) => provenance.positions);
  expect(positions.length).toBe(30);
  expect(positions.filter((position) => !starts.has(position))).toEqual([]);
});
