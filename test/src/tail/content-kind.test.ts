/** What counts as a log, by its first bytes. */
import { describe, expect, it } from 'vitest';
import { decideContentKind, SNIFF_BYTES } from '../../../src/tail/content-kind.ts';

const RECORD = '2026-06-30 12:00:00,123 - synapse.rest.client.login - 388 - INFO - POST-1 - ';
const kindOf = (bytes: Uint8Array) => decideContentKind(bytes, bytes.length);

describe('decideContentKind', () => {
  it.each([
    ['nothing', Buffer.alloc(0), { kind: 'empty' }],
    ['a record', Buffer.from(`${RECORD}x\n`), { kind: 'text' }],
    ['one byte', Buffer.from('x'), { kind: 'text' }],
    ['JSON', Buffer.from('{"log":"x"}\n'), { kind: 'text' }],
    ['UTF-8 with a byte order mark', Buffer.from('\ufeff2026'), { kind: 'text' }],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), { kind: 'gzip' }],
    ['half a gzip signature', Buffer.from([0x1f]), { kind: 'text' }],
    ['UTF-16, little end first', Buffer.from('\ufeffabc', 'utf16le'), { kind: 'foreign', what: 'binary data at byte 0 (UTF-16 text)' }],
    [
      'UTF-16, big end first',
      Buffer.from('\ufeffabc', 'utf16le').swap16(),
      { kind: 'foreign', what: 'binary data at byte 0 (UTF-16 text)' },
    ],
    ['UTF-16 without a mark', Buffer.from('2026-06-30', 'utf16le'), { kind: 'foreign', what: 'binary data at byte 1' }],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), { kind: 'foreign', what: 'binary data at byte 0 (xz)' }],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), { kind: 'foreign', what: 'binary data at byte 0 (zstd)' }],
    ['SQLite', Buffer.from(`SQLite format 3${'\0'.repeat(100)}`), { kind: 'foreign', what: 'binary data at byte 15' }],
    ['NULs alone', Buffer.alloc(SNIFF_BYTES), { kind: 'foreign', what: 'binary data at byte 0' }],
  ])('knows %s', (_, bytes, expected) => {
    expect(kindOf(bytes)).toEqual(expected);
  });

  it('takes a log for text whose first record is full of NULs, because anybody can log in with such a name', () => {
    expect(kindOf(Buffer.from(RECORD + '\0'.repeat(SNIFF_BYTES - RECORD.length)))).toEqual({ kind: 'text' });
  });

  it('takes a log for text that has a few NULs at its start, because a torn write leaves them', () => {
    const withNuls = (count: number) => Buffer.from('\0'.repeat(count) + 'x'.repeat(160 - count));
    expect(kindOf(withNuls(9)).kind).toBe('text');
    expect(kindOf(withNuls(10)).kind).toBe('foreign');
  });

  it('looks for the first NUL in the first 32 bytes only', () => {
    const nulsFrom = (start: number) => Buffer.from('x'.repeat(start) + '\0'.repeat(200));
    expect(kindOf(nulsFrom(31)).kind).toBe('foreign');
    expect(kindOf(nulsFrom(32)).kind).toBe('text');
  });

  it('sees no byte beyond the given length', () => {
    expect(decideContentKind(Buffer.from('ab\0\0\0\0'), 2)).toEqual({ kind: 'text' });
    expect(decideContentKind(Buffer.from([0x1f, 0x8b]), 1)).toEqual({ kind: 'text' });
  });
});
