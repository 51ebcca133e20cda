/** Input that nobody wrote on purpose, and input that somebody did: never an exception, never a byte uncounted, the same for any chunking. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnalysis } from '../../src/analysis.ts';
import { outcomeOf, type ReadOptions, readLog } from './facts/read-log.ts';
import { scenario } from './facts/scenario.ts';
import { countLines } from './records/chunks.ts';
import { ALL_ENVELOPES, LAYOUTS, type Layout, type LogEntry, renderEnveloped, renderLog } from './records/log-lines.ts';

const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

/** Reads, and checks what must hold for any bytes. */
function check(bytes: Uint8Array, options: ReadOptions = {}) {
  const reading = readLog(bytes, options);
  const { counts } = reading.stream;
  expect({ bytes: counts.bytes, lines: counts.lines }).toEqual({ bytes: bytes.length, lines: countLines(bytes) });
  expect(counts.records).toBeLessThanOrEqual(counts.lines);
  expect(counts.accessLines).toBeLessThanOrEqual(counts.records);
  for (const { provenance } of reading.facts)
    for (const position of provenance.positions)
      expect(position < bytes.length && (position === 0 || bytes[position - 1] === 0x0a)).toBe(true);
  const json = JSON.stringify(createAnalysis(reading.pipeline, [{ path: 'x', stream: reading.stream, gaps: [] }]));
  expect(json.isWellFormed()).toBe(true);
  return reading;
}

describe('the pipeline', () => {
  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1500, size: 'max' }), sizes, (bytes, chunkSizes) => {
        check(bytes, { sizes: chunkSizes });
      }),
      { numRuns: 1000 },
    );
  });

  it('takes the log of another program, and finds nothing in it', () => {
    const word = fc.constantFrom(
      'GET',
      '/_matrix/client/v3/keys/upload',
      '200',
      '- -',
      '[30/Jun/2026:12:00:00 +0000]',
      '"Mozilla"',
      '{"level":30}',
      '2026-06-30 12:00:00',
      'INFO',
      'Processed request:',
      '@alice:hs',
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.array(word, { maxLength: 8 }).map((words) => `203.0.113.7 ${words.join(' ')}\n`),
          { maxLength: 60, size: 'max' },
        ),
        (lines) => {
          const { facts, stream } = check(Buffer.from(lines.join('')));
          expect([facts, stream.counts.records, stream.counts.accessLines]).toEqual([[], 0, 0]);
        },
      ),
      { numRuns: 200 },
    );
  });

  /** Bytes put in, taken out, written over, or moved about. */
  const damage = fc.record({
    at: fc.nat({ max: 20_000 }),
    deleted: fc.oneof(fc.constant(0), fc.nat({ max: 3 }), fc.nat({ max: 400 })),
    inserted: fc.oneof(
      fc
        .constantFrom('', '\n', '"', '}', '{', '\\', "'", ' - ', '\0', '\r\n', '} Processed request: ', 'dict_keys([', ' | ', '[0 dbevts]')
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 4 }),
    ),
  });
  const damages = fc.array(damage, { minLength: 1, maxLength: 12, size: 'max' });
  const damagedLog = <Name>(names: fc.Arbitrary<Name>, render: (entries: readonly LogEntry[], name: Name) => string) =>
    fc.tuple(scenario, names, damages).map(([{ entries }, name, all]) => {
      let bytes: Uint8Array = Buffer.from(render(entries, name));
      for (const { at, deleted, inserted } of all) {
        const from = bytes.length === 0 ? 0 : at % bytes.length;
        bytes = Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(Math.min(bytes.length, from + deleted))]);
      }
      return bytes;
    });
  const damaged = damagedLog(fc.constantFrom(...(Object.keys(LAYOUTS) as Layout[])), renderLog);

  it('takes any damaged log', () => {
    fc.assert(
      fc.property(damaged, sizes, (bytes, chunkSizes) => {
        check(bytes, { sizes: chunkSizes });
      }),
      { numRuns: 250 },
    );
  });

  it('takes any damaged log of a container: all its bytes are counted', () => {
    fc.assert(
      fc.property(damagedLog(fc.constantFrom(...ALL_ENVELOPES), renderEnveloped), sizes, (bytes, chunkSizes) => {
        expect(readLog(bytes, { sizes: chunkSizes }).stream.counts.bytes).toBe(bytes.length);
      }),
      { numRuns: 250 },
    );
  });

  it('reads any damaged log the same for any chunking, where its format is given', () => {
    const formats = [
      { kind: 'text', prefix: 'none', hasServerName: false },
      { kind: 'json', prefix: 'none' },
      { kind: 'text', prefix: 'name', hasServerName: false },
    ] as const;
    fc.assert(
      fc.property(damaged, sizes, fc.constantFrom(...formats), (bytes, chunkSizes, format) => {
        expect(outcomeOf(readLog(bytes, { sizes: chunkSizes, format }))).toEqual(outcomeOf(readLog(bytes, { format })));
      }),
      { numRuns: 200 },
    );
  });

  it('takes invalid UTF-8 in every field, and gives U+FFFD for it', () => {
    fc.assert(
      fc.property(
        scenario,
        fc.array(fc.tuple(fc.nat({ max: 20_000 }), fc.integer({ min: 0x80, max: 0xff })), { minLength: 1, maxLength: 200, size: 'max' }),
        ({ entries }, bad) => {
          const bytes = Buffer.from(renderLog(entries));
          for (const [at, byte] of bad) if (bytes[at % bytes.length] !== 0x0a) bytes[at % bytes.length] = byte;
          const { facts } = check(bytes);
          expect(JSON.stringify(facts).isWellFormed()).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});
