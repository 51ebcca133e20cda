/** The parser against the regular expression of synapse-log-lines.md 3.1, written by somebody else for the same lines. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessLine } from '../../../src/records/access-line.ts';
import { type AccessFields, accessMessage, OLD_USAGE, USAGE } from './log-lines.ts';

/** What follows a head, from its closing brace on. */
const REST =
  /^\} Processed request: (?<proc>-?\d+\.\d{3})sec\/(?<send>-?\d+\.\d{3})sec (?:ru=)?\((?<ut>-?\d+\.\d{3})sec, (?<st>-?\d+\.\d{3})sec\) (?:db=)?\((?<sched>-?\d+\.\d{3})sec\/(?<txn>-?\d+\.\d{3})sec\/(?<n>\d+)\) (?<size>\d+)B (?<code>\d{3})(?<lost>!?) "(?<method>\S+) (?<uri>\S+) (?<proto>\S+)" "(?<ua>.*)" \[(?<ev>\d+) dbevts\]$/s;

/** `::1 - 1 - {`, without what need not be there. */
const SHORTEST_HEAD = 8;

interface Reading {
  readonly headEnd: number;
  readonly procMs: number;
  readonly sendMs: number;
  readonly size: number;
  readonly status: number;
  readonly isGone: boolean;
  readonly method: string;
  readonly uri: string;
}

/** The leftmost head whose rest is whole. */
function reference(message: string): Reading | null {
  for (let brace = message.indexOf('}'); brace >= 0; brace = message.indexOf('}', brace + 1)) {
    const groups = REST.exec(message.slice(brace))?.groups;
    const headBytes = Buffer.byteLength(message.slice(0, brace));
    if (!groups || headBytes < SHORTEST_HEAD) continue;
    const { proc = '', send = '', size, code, lost, method = '', uri = '' } = groups;
    const ms = (text: string) => Math.round(Number(text) * 1000);
    return {
      headEnd: headBytes,
      procMs: ms(proc) + 0,
      sendMs: ms(send) + 0,
      size: Number(size),
      status: Number(code),
      isGone: lost === '!',
      method,
      uri,
    };
  }
  return null;
}

function read(message: string, offset = 0, behind = ''): Reading | null {
  const bytes = Buffer.from(`${'x'.repeat(offset)}${message}\n${behind}`);
  const line = new AccessLine();
  if (!line.parse(bytes, offset)) return null;
  const uriEnd = bytes.indexOf(' ', line.uriStart);
  return {
    headEnd: line.headEnd - offset,
    procMs: line.procMs,
    sendMs: line.sendMs,
    size: line.sizeBytes,
    status: line.status,
    isGone: line.isClientGone,
    method: bytes.toString('utf8', line.methodStart, line.uriStart - 1),
    uri: bytes.toString('utf8', line.uriStart, uriEnd),
  };
}

const seconds = fc
  .tuple(fc.boolean(), fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 100_000 })), fc.nat({ max: 999 }))
  .map(([isNegative, whole, ms]) => `${isNegative ? '-' : ''}${whole}.${String(ms).padStart(3, '0')}`);
const usage = fc
  .tuple(fc.boolean(), seconds, seconds, seconds, seconds, fc.nat())
  .map(([isOld, a, b, c, d, count]) =>
    isOld ? `(${a}sec, ${b}sec) (${c}sec/${d}sec/${count})` : `ru=(${a}sec, ${b}sec) db=(${c}sec/${d}sec/${count})`,
  );
/** What a client may write, and what it may try to imitate. */
const pieces = fc.constantFrom(
  '"',
  '}',
  '{',
  ' ',
  '!',
  '\t',
  'ÿ',
  '😀',
  'x',
  '0B 200 "',
  '" [0 dbevts]',
  '} Processed request: ',
  ' - 8008 - {@v:hs} Processed request: 0.001sec/0.001sec ru=(0.002sec',
);
const agent = fc
  .array(fc.oneof(pieces, fc.string({ maxLength: 6 })), { maxLength: 8 })
  .map((parts) => parts.join('').replace(/[\n\r]/g, ' '));
const noSpace = (arbitrary: fc.Arbitrary<string>) => arbitrary.map((text) => text.replace(/[\s\p{Cc}]/gu, '_'));
const fields: fc.Arbitrary<AccessFields> = fc.record({
  address: fc.oneof(
    fc.constantFrom('203.0.113.7', '::1'),
    agent.map((text) => text.replaceAll(',', '')),
  ),
  requester: noSpace(fc.string({ maxLength: 20 })).map((text) => text.replaceAll(/[{}]/g, '_')),
  proc: seconds,
  send: seconds,
  usage: fc.oneof(usage, fc.constantFrom(USAGE, OLD_USAGE)),
  size: fc.nat({ max: 1e12 }),
  status: fc.integer({ min: 100, max: 999 }),
  isGone: fc.boolean(),
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', "M'x"),
  uri: noSpace(agent).map((text) => `/${text}`),
  agent,
  events: fc.nat(),
});

describe('the parser', () => {
  it('reads every line of the known forms as the catalogue’s expression does, wherever it stands in the buffer', () => {
    fc.assert(
      fc.property(fields, fc.nat({ max: 9 }), (made, offset) => {
        const message = accessMessage(made);
        const expected = reference(message);
        expect(expected).not.toBeNull();
        expect(read(message, offset, `${accessMessage()}\n`)).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('misses no line that the expression knows, and makes no access line of one that has lost its ends, when a line is damaged', () => {
    const damage = fc.record({
      at: fc.nat({ max: 400 }),
      deleted: fc.nat({ max: 3 }),
      inserted: fc.oneof(fc.constant(''), pieces, fc.string({ maxLength: 3 })),
    });
    fc.assert(
      fc.property(fields, fc.array(damage, { minLength: 1, maxLength: 3 }), (made, damages) => {
        let message = accessMessage(made);
        for (const { at, deleted, inserted } of damages)
          message = message.slice(0, at % message.length) + inserted.replaceAll('\n', '') + message.slice((at % message.length) + deleted);
        message = Buffer.from(message).toString();
        const [expected, found] = [reference(message), read(message, 0, `${accessMessage()}\n`)];
        if (expected !== null && found?.headEnd === expected.headEnd) expect(found).toEqual(expected);
        if (expected !== null) expect(found).not.toBeNull();
        if (found === null) return;
        expect(message).toMatch(/\} Processed request: .* "\S+ .*" \[\d* dbevts\]$/s);
        expect(found.status).toBeGreaterThanOrEqual(100);
        expect(found.status).toBeLessThan(1000);
      }),
      { numRuns: 3000 },
    );
  });

  it('never throws and never reads past the line, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), fc.nat({ max: 300 }), (noise, cut) => {
        const message = accessMessage();
        const bytes = Buffer.concat([
          Buffer.from(message.slice(0, cut)),
          noise.map((byte) => (byte === 0x0a ? 0 : byte)),
          Buffer.from(`\n${message}\n`),
        ]);
        const line = new AccessLine();
        if (line.parse(bytes, 0)) expect([line.end, line.headEnd < line.end]).toEqual([bytes.indexOf(0x0a), true]);
        line.isReceivedLine(bytes, 0);
      }),
      { numRuns: 1000 },
    );
  });
});
