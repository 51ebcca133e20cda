/** The result of `analyze --json`: its form by contract.md, its times, and golden runs on pieces of real logs (test/golden/README.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnalysis } from '../../src/analysis.ts';
import { formatTime } from '../../src/lines/utc-time.ts';
import { type ReadOptions, readLog } from './facts/read-log.ts';
import { accessEntry, type LogEntry, offerEntry, refusalEntry, renderLog, START_MS, signedKey, UPLOAD_URI } from './records/log-lines.ts';

function analyze(log: string | Uint8Array, options: ReadOptions = {}) {
  const { pipeline, stream } = readLog(log, options);
  return createAnalysis(pipeline, [{ path: 'homeserver.log', stream, gaps: [] }]);
}

/** What is compared: everything, but not the names of counters that counted nothing. */
function golden(log: Uint8Array, options: ReadOptions = {}): string {
  const { counters, ...analysis } = analyze(log, options);
  const counted = Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== 0));
  return `${JSON.stringify({ ...analysis, counters: counted }, null, 2)}\n`;
}

const GOLDEN = join(import.meta.dirname, '../golden');

describe('a golden run', () => {
  it.each(['rollback-orphan', 'sigterm-doubled', 'delayed-events-json'])(
    'of "%s" gives what was agreed on, also where the log comes in pieces',
    async (name) => {
      const log = readFileSync(join(GOLDEN, name, 'homeserver.log'));
      const result = golden(log);
      expect(golden(log, { sizes: [97, 4001], offset: 3, isBuffer: true })).toBe(result);
      await expect(result).toMatchFileSnapshot(join(GOLDEN, name, 'analysis.json'));
    },
  );
});

describe('the analysis', () => {
  const ALICE = { userId: '@alice:example.org', deviceId: 'JLAFKJWSCS' };
  const at = (offsetMs: number) => ({ timeMs: START_MS + offsetMs, request: 'POST-7' });
  const KEY_ID = 'signed_curve25519:AAAAHQ';
  const log: readonly LogEntry[] = [
    offerEntry(at(119), ALICE, [KEY_ID]),
    refusalEntry(at(122), KEY_ID, { oldKey: signedKey('OLD', ALICE), newKey: "{'key': 'NEW'}" }),
    accessEntry(at(123), { uri: UPLOAD_URI, status: 400 }),
  ];

  it('has the keys and the words that scripts rely on', () => {
    const analysis = analyze(renderLog(log));
    expect(analysis).toMatchObject({
      schema: 'lotus-e2ee-watch/analysis@1',
      sources: [
        {
          path: 'homeserver.log',
          format: 'text',
          lines: 3,
          records: 3,
          accessLines: 1,
          unrecognised: {},
          incarnations: 1,
          firstTime: '2026-06-30T12:00:00.119Z',
          lastTime: '2026-06-30T12:00:00.123Z',
          cutLines: 0,
          gaps: [],
        },
      ],
      devices: [
        {
          ...ALICE,
          keyUploads: { accepted: 0, conflict: 1, rejected: 0, clientGaveUp: 0, failed: 0 },
          conflicts: {
            count: 1,
            keyIds: [KEY_ID],
            distinctNewKeys: 1,
            firstTime: '2026-06-30T12:00:00.122Z',
            lastTime: '2026-06-30T12:00:00.122Z',
          },
          claims: { oneTime: 0, fallback: 0, poisoned: 0 },
          toDevice: { sends: 0, stored: 0, returned: 0, dropped: 0 },
          untrusted: 0,
        },
      ],
      unattributed: { conflicts: 0, rejected: 0, clientGaveUp: 0, failed: 0 },
      toDevice: { sends: {}, sendsFailed: 0, mediaKeySends: 0, stored: 0, returned: 0, dropped: 0 },
      delayedEvents: {
        requests: { schedule: { ok: 0 }, restart: {}, cancel: {}, send: {}, unknown: {} },
        clientTimeouts: {},
        drops: 0,
        dropsUnsure: 0,
      },
      incidents: expect.any(Array),
      questions: { Q1: {}, Q2: {}, Q3: {}, Q4: {}, '6.4': {} },
      untrustedRecords: 0,
      counters: { lotus_e2ee_otk_conflicts_total: 1 },
    });
  });

  it('can be written as JSON and read back unchanged, also where nothing is known', () => {
    for (const text of ['', 'nonsense\n', renderLog(log), renderLog(log, 'JSON without time')]) {
      const analysis = analyze(text);
      expect(JSON.parse(JSON.stringify(analysis))).toEqual(analysis);
    }
    expect(analyze('nonsense\n').sources).toMatchObject([
      { format: 'unknown', lines: 1, records: 0, incarnations: 0, firstTime: null, lastTime: null },
    ]);
    expect(analyze(renderLog(log, 'JSON without time')).devices).toMatchObject([
      { conflicts: { count: 1, firstTime: null, lastTime: null } },
    ]);
  });

  it('is the same to the byte each time the same log is read', () => {
    const text = renderLog(log);
    expect(JSON.stringify(analyze(text))).toBe(JSON.stringify(analyze(text)));
  });
});

describe('a time', () => {
  it('is written as ISO 8601 in UTC, to the millisecond, for every moment of the years 0 to 9999', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0000-01-01T00:00:00.000Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          expect(formatTime(date.getTime())).toBe(date.toISOString());
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    '1970-01-01T00:00:00.000Z',
    '2000-02-29T23:59:59.999Z',
    '2100-02-28T00:00:00.000Z',
    '2100-03-01T00:00:00.000Z',
    '2024-12-31T23:59:59.999Z',
    '1969-12-31T23:59:59.999Z',
  ])('is written right over months and leap years: %s', (text) => {
    expect(formatTime(Date.parse(text))).toBe(text);
  });

  it('that isn’t known is null', () => {
    expect(formatTime(Number.NaN)).toBeNull();
  });
});
