/** Holes in the stamps, and the hash of who asks: what the reader tells besides records. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashBytes, hashText } from '../../../src/lines/private-hash.ts';
import { AccessLine } from '../../../src/records/access-line.ts';
import { MIN_HOLE_MS } from '../../../src/records/record-handler.ts';
import { accessMessage, LAYOUTS, type LogEntry, renderLog, START_MS } from './log-lines.ts';
import { readRecords } from './recording-handler.ts';

const record = (timeMs: number): LogEntry => ({ timeMs, logger: 'synapse.other', level: 'INFO', request: 'sentinel', message: 'x' });

describe('a hole', () => {
  const holesOf = (log: string, chunking = {}) =>
    readRecords(log, chunking).handler.handed.flatMap((entry) =>
      entry.kind === 'hole' ? [[entry.fromMs - START_MS, entry.toMs - START_MS]] : [],
    );

  it.each([
    ['is told from its shortest length on', [0, MIN_HOLE_MS], [[0, MIN_HOLE_MS]]],
    ['is none below it', [0, MIN_HOLE_MS - 1], []],
    ['is between two records of any kind', [0, 1400, 2800, 9000], [[2800, 9000]]],
    ['is none before the first record', [9000], []],
    ['is none where stamps step back', [9000, 0, 1400], []],
  ])('%s', (_name, times, holes) => {
    expect(holesOf(renderLog(times.map((ms) => record(START_MS + ms))))).toEqual(holes);
  });

  it('is the same in every layout that has times, and for any chunking', () => {
    const entries = [0, 10, 4000, 4010, 30_000].map((ms) => record(START_MS + ms));
    for (const layout of Object.keys(LAYOUTS) as (keyof typeof LAYOUTS)[]) {
      const expected =
        layout === 'JSON without time'
          ? []
          : [
              [10, 4000],
              [4010, 30_000],
            ];
      expect(holesOf(renderLog(entries, layout), { sizes: [7, 100] })).toEqual(expected);
    }
  });
});

describe('the hash of a client', () => {
  const hashOf = (fields: Parameters<typeof accessMessage>[0], agent = '"Mozilla/5.0 (X11)" [0 dbevts]'): number => {
    const bytes = Buffer.from(`${accessMessage(fields).replace(/"[^"]*" \[0 dbevts\]$/, agent)}\n`);
    const line = new AccessLine();
    expect(line.parse(bytes, 0)).toBe(true);
    return line.hashClient(bytes, line.hashAddress(bytes));
  };

  it('tells address and user agent, and nothing else', () => {
    const base = hashOf({ address: '203.0.113.7' });
    expect(hashOf({ address: '203.0.113.7', status: 404, uri: '/x?y', requester: '@b:hs', size: 12345 })).toBe(base);
    expect(hashOf({ address: '203.0.113.7' }, '"Mozilla/5.0 (X11)" [17 dbevts]')).toBe(base);
    expect(hashOf({ address: '203.0.113.8' })).not.toBe(base);
    expect(hashOf({ address: '203.0.113.7' }, '"Mozilla/5.0 (X12)" [0 dbevts]')).not.toBe(base);
  });

  it('is 0 without a user agent, and stands quotes in one', () => {
    expect(hashOf({}, '"" [0 dbevts]')).toBe(0);
    expect(hashOf({}, '"a "quoted" [0 dbevts]" [0 dbevts]')).not.toBe(0);
  });
});

it('hashes are whole numbers below 2^53 and depend on every byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (bytes, at) => {
      const hash = hashBytes(bytes, 0, bytes.length);
      expect(Number.isSafeInteger(hash) && hash >= 0).toBe(true);
      const other = Uint8Array.from(bytes);
      other[at % bytes.length] = (other[at % bytes.length] as number) ^ 1;
      expect(hashBytes(other, 0, other.length)).not.toBe(hash);
    }),
  );
  expect(['syd_a', 'syd_b', 'syd_a'].map((text) => hashText(text))).toEqual([hashText('syd_a'), hashText('syd_b'), hashText('syd_a')]);
  expect(hashText('syd_a')).not.toBe(hashText('syd_b'));
});
