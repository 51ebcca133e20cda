/** What must hold for every log, whatever it says, however it's laid out, and however its bytes arrive. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceTally } from '../../src/devices/device-table.ts';
import { meaningOf, outcomeOf, plain, readLog } from './facts/read-log.ts';
import { type Expected, type Scenario, scenario } from './facts/scenario.ts';
import { countLines } from './records/chunks.ts';
import { ALL_ENVELOPES, LAYOUTS, type Layout, renderEnveloped, renderLog } from './records/log-lines.ts';

const ALL_LAYOUTS = Object.keys(LAYOUTS) as Layout[];
const layout = fc.constantFrom(...ALL_LAYOUTS);
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })), { minLength: 1, maxLength: 8 });

/** The tables that a perfect reader would have; times only where the layout has them. */
function expectedTables(
  { devices, unattributed, sends, sendsFailed, mediaKeySends, stored, returned, dropped, delayed }: Expected,
  hasTime: boolean,
) {
  return plain({
    devices: [...devices]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, device]) => ({
        name,
        keyUploads: device.keyUploads,
        conflictCount: device.conflictCount,
        conflictKeyIds: device.conflictKeyIds,
        newKeys: device.newKeys.size,
        claims: [device.claimsOneTime, device.claimsFallback],
        messages: [device.stored, device.returned, device.dropped],
        ...(hasTime &&
          device.conflictTimes.length > 0 && { first: Math.min(...device.conflictTimes), last: Math.max(...device.conflictTimes) }),
      })),
    unattributed,
    traffic: { sends: new Map(Object.entries(sends)), sendsFailed, mediaKeySends, stored, returned, dropped },
    delayed: new Map(Object.entries(delayed)),
  });
}

function foundTables({ pipeline }: ReturnType<typeof readLog>, hasTime: boolean) {
  const { traffic, devices } = pipeline;
  const { sends, sendsFailed, mediaKeySends, stored, returned, dropped, delayedEvents } = traffic;
  const describeDevice = (device: DeviceTally) => ({
    name: `${device.userId} ${device.deviceId}`,
    keyUploads: device.keyUploads,
    conflictCount: device.conflictCount,
    conflictKeyIds: device.conflictKeyIds,
    newKeys: device.newKeyHashes.size,
    claims: [device.claimsOneTime, device.claimsFallback],
    messages: [device.traffic?.stored ?? 0, device.traffic?.returned ?? 0, device.traffic?.dropped ?? 0],
    ...(hasTime && device.conflictCount > 0 && { first: device.firstConflictMs, last: device.lastConflictMs }),
  });
  const delayed = new Map(
    Object.entries(delayedEvents).flatMap(([action, outcomes]) =>
      Object.entries(outcomes).map(([outcome, count]) => [`${action} ${outcome}`, count] as const),
    ),
  );
  return plain({
    devices: devices
      .list()
      .map(describeDevice)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    unattributed: devices.unattributed,
    traffic: { sends, sendsFailed, mediaKeySends, stored, returned, dropped },
    delayed: new Map([...delayed].filter(([, count]) => count > 0)),
  });
}

const hasTime = (name: Layout) => name !== 'JSON without time';

describe('any traffic', () => {
  it('gives exactly the counts that its requests add up to, in every layout', () => {
    fc.assert(
      fc.property(scenario, layout, ({ entries, expected, expectedWithoutTimes, accessLines }, name) => {
        const reading = readLog(renderLog(entries, name));
        const tables = expectedTables(hasTime(name) ? expected : expectedWithoutTimes, hasTime(name));
        expect(foundTables(reading, hasTime(name))).toEqual(tables);
        expect(reading.stream.counts).toMatchObject({ records: entries.length, accessLines, cutLines: 0 });
        expect(Object.fromEntries(reading.stream.unrecognised)).toEqual({});
      }),
      { numRuns: 200 },
    );
  });

  it.each(ALL_LAYOUTS.filter((name) => name !== 'precise' && hasTime(name)))(
    'means the same in layout "%s" as in the default one',
    (name) => {
      fc.assert(
        fc.property(scenario, ({ entries }) => {
          expect(meaningOf(readLog(renderLog(entries, name)))).toEqual(meaningOf(readLog(renderLog(entries))));
        }),
        { numRuns: 15 },
      );
    },
  );
});

describe.each(ALL_ENVELOPES)('the lines of a container, in the envelope "%s"', (envelope) => {
  it('mean the same as bare ones', () => {
    fc.assert(
      fc.property(scenario, ({ entries }) => {
        expect(meaningOf(readLog(renderEnveloped(entries, envelope)))).toEqual(meaningOf(readLog(renderLog(entries))));
        const json = meaningOf(readLog(renderLog(entries, 'JSON, terse')));
        expect(meaningOf(readLog(renderEnveloped(entries, envelope, 'JSON, terse')))).toEqual(json);
      }),
      { numRuns: 15 },
    );
  });

  it('come to the same, and all bytes are counted, for any chunking and wherever the file ends', () => {
    fc.assert(
      fc.property(scenario, sizes, fc.nat({ max: 400 }), ({ entries }, chunkSizes, cutOff) => {
        const log = Buffer.from(renderEnveloped(entries, envelope));
        const bytes = log.subarray(0, Math.max(0, log.length - cutOff));
        const whole = readLog(bytes);
        const pieces = readLog(bytes, { sizes: chunkSizes });
        expect(outcomeOf(pieces)).toEqual(outcomeOf(whole));
        expect(pieces.stream.counts.bytes).toBe(bytes.length);
      }),
      { numRuns: 30 },
    );
  });
});

describe('any chunking', () => {
  it.each(ALL_LAYOUTS)('gives the same facts, positions and counts in layout "%s"', (name) => {
    fc.assert(
      fc.property(scenario, sizes, fc.integer({ min: 0, max: 9 }), fc.boolean(), ({ entries }, chunkSizes, offset, isBuffer) => {
        const log = Buffer.from(renderLog(entries, name));
        const whole = outcomeOf(readLog(log));
        expect(outcomeOf(readLog(log, { sizes: chunkSizes, offset, isBuffer }))).toEqual(whole);
      }),
      { numRuns: 15 },
    );
  });

  it('gives the same where every byte comes alone', () => {
    fc.assert(
      fc.property(scenario, layout, ({ entries }, name) => {
        const log = Buffer.from(renderLog(entries, name));
        expect(outcomeOf(readLog(log, { sizes: [1] }))).toEqual(outcomeOf(readLog(log)));
      }),
      { numRuns: 10 },
    );
  });

  it('gives the same where the source falls quiet between any two records', () => {
    fc.assert(
      fc.property(scenario, layout, sizes, fc.array(fc.nat({ max: 60 }), { maxLength: 10 }), ({ entries }, name, chunkSizes, quiet) => {
        const ends: number[] = [];
        let position = 0;
        for (const entry of entries) {
          position += Buffer.byteLength(renderLog([entry], name));
          ends.push(position);
        }
        const settleAt = quiet.map((index) => ends[index % ends.length]!);
        const log = Buffer.from(renderLog(entries, name));
        expect(outcomeOf(readLog(log, { sizes: chunkSizes, settleAt }))).toEqual(outcomeOf(readLog(log)));
      }),
      { numRuns: 100 },
    );
  });
});

describe('bytes and lines', () => {
  it('are all counted, once, whatever they are and however they come', () => {
    fc.assert(
      fc.property(scenario, layout, sizes, fc.nat({ max: 400 }), ({ entries }, name, chunkSizes, cutOff) => {
        const log = Buffer.from(renderLog(entries, name));
        // The file may end in the middle of a record.
        const bytes = log.subarray(0, Math.max(0, log.length - cutOff));
        const { counts } = readLog(bytes, { sizes: chunkSizes }).stream;
        expect({ bytes: counts.bytes, lines: counts.lines }).toEqual({ bytes: bytes.length, lines: countLines(bytes) });
      }),
      { numRuns: 150 },
    );
  });
});

/** Where each entry begins in the log, by its text. */
function linesByPosition({ entries }: Scenario, name: Layout): Map<number, string> {
  const starts = new Map<number, string>();
  let position = 0;
  for (const entry of entries) {
    const text = renderLog([entry], name);
    starts.set(position, text);
    position += Buffer.byteLength(text);
  }
  return starts;
}

describe('positions', () => {
  it('of every fact point at the records it rests on, of its own request, in file order', () => {
    fc.assert(
      fc.property(scenario, layout, sizes, (made, name, chunkSizes) => {
        const starts = linesByPosition(made, name);
        for (const { provenance } of readLog(renderLog(made.entries, name), { sizes: chunkSizes }).facts) {
          expect(provenance.positions.length).toBeGreaterThan(0);
          expect(provenance.positions).toEqual([...provenance.positions].sort((a, b) => a - b));
          for (const position of provenance.positions)
            expect(starts.get(position) ?? `nothing begins at ${position}`).toContain(provenance.requestId);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('begin anew in each generation of a file', () => {
    fc.assert(
      fc.property(scenario, layout, (made, name) => {
        const log = renderLog(made.entries, name);
        const [once, later] = [readLog(log), readLog(['\n', log])];
        const positionsOf = ({ facts }: typeof once) => facts.map(({ provenance }) => provenance.positions);
        expect(positionsOf(later)).toEqual(positionsOf(once));
      }),
      { numRuns: 30 },
    );
  });
});
