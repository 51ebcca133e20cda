/** What stands before a line: docker, compose, journal, syslog, worker names. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_PREFIXES, type LinePrefix, skipPrefix } from '../../../src/records/line-prefix.ts';

const LINE = '2026-11-23 16:52:48,338 - synapse.x - 1 - INFO - main - message';
const skip = (prefix: (typeof LINE_PREFIXES)[number], text: string, offset = 0) =>
  skipPrefix(prefix, Buffer.from(`${'z'.repeat(offset)}${text}`), offset) - offset;

describe('a prefix', () => {
  it.each<[LinePrefix, text: string, where: string]>([
    ['timestamp', '2026-11-23T16:52:48.345708468Z ', 'docker logs --timestamps'],
    ['timestamp', '2026-11-23T16:52:48Z ', 'without a fraction'],
    ['timestamp', '2026-11-23T16:52:48.345+01:00 ', 'with an offset'],
    ['name', 'synapse-1  | ', 'docker compose logs'],
    ['name', 'synapse-1   | ', 'padded'],
    ['name', 'generic_worker1 | ', 'the workers image'],
    ['name', `${'n'.repeat(100)} | `, 'a long name'],
    ['name+timestamp', 'synapse-1  | 2026-11-23T16:52:48.345708468Z ', 'docker compose logs --timestamps'],
    ['syslog', '2026-11-23T16:52:48+00:00 matrix-1 matrix-synapse[4242]: ', 'journalctl -o short-iso'],
    ['syslog', '2026-11-23T16:52:48.123456+0000 matrix-1 python3[1]: ', 'journalctl -o short-iso-precise'],
    ['syslog', 'Nov 23 16:52:48 matrix-1 matrix-synapse[4242]: ', 'syslog'],
    ['syslog', 'Nov  3 16:52:48 matrix-1 matrix-synapse: ', 'syslog on a day of one digit'],
  ])('of form %s is taken off: %s (%s)', (prefix, text) => {
    for (const offset of [0, 3]) expect(skip(prefix, `${text}${LINE}\n`, offset)).toBe(text.length);
    expect(skip(prefix, `${text}\n`)).toBe(text.length);
  });

  it.each(LINE_PREFIXES)('of form %s isn’t seen in a line without it, nor in one without anything', (prefix) => {
    for (const text of [LINE, '', 'x', ' ', '|', '| ', ' | x', '  | ValueError: x', 'Traceback (most recent call last):', '  File "x"'])
      expect(skip(prefix, `${text}\n`), JSON.stringify(text)).toBe(0);
  });

  it.each([
    ['name', 'synapse-1  | '],
    ['timestamp', '2026-11-23T16:52:48.345708468Z '],
    ['syslog', '2026-11-23T16:52:48+00:00 matrix-1 matrix-synapse[4242]: '],
    ['syslog', 'Nov 23 16:52:48 matrix-1 matrix-synapse[4242]: '],
    ['name+timestamp', 'synapse-1  | 2026-11-23T16:52:48.345708468Z '],
  ] as const)('of form %s is never put together from two lines, wherever a newline stands in it', (prefix, text) => {
    for (let at = 0; at < text.length; at++) {
      for (const broken of [`${text.slice(0, at)}\n${text.slice(at)}`, `${text.slice(0, at)}\n${text.slice(at + 1)}`]) {
        // A name in front may be whole, and the stamp behind it not; then the line hasn't this form.
        expect(skip(prefix, `${broken}${LINE}\n`), JSON.stringify(broken)).toBe(0);
      }
    }
  });

  it('is looked for in bounded space', () => {
    expect(skip('name', `${'n'.repeat(200)} | ${LINE}\n`)).toBe(0);
    expect(skip('timestamp', `2026-11-23T16:52:48.${'1'.repeat(100)}Z ${LINE}\n`)).toBe(0);
    expect(skip('syslog', `Nov 23 16:52:48 ${'h'.repeat(200)} x: ${LINE}\n`)).toBe(0);
  });

  it('never reaches behind the line’s end or in front of its beginning, whatever the bytes', () => {
    const byte = fc.oneof(fc.constantFrom(...Buffer.from('\n |:-T 2')), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...LINE_PREFIXES),
        fc.array(byte, { maxLength: 80, size: 'max' }),
        fc.nat({ max: 40 }),
        (prefix, bytes, at) => {
          const buffer = Uint8Array.from([...bytes, 0x0a, ...Buffer.from('synapse-1 | 2026-11-23T16:52:48Z host x: ')]);
          const start = Math.min(at, bytes.length);
          const behind = skipPrefix(prefix, buffer, start);
          expect(behind).toBeGreaterThanOrEqual(start);
          expect(behind).toBeLessThanOrEqual(buffer.indexOf(0x0a, start));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
