import { describe, expect, it } from 'vitest';
import { loadCapture, parseCapture } from '../../../daemon/demo/capture.ts';

function parse(lines: readonly string[]): ReturnType<typeof parseCapture> {
  return parseCapture(Buffer.from(lines.map((line) => `${line}\n`).join('')));
}

describe('parseCapture', () => {
  it('times records from the first one', () => {
    const { records, startMs, durationMs } = parse(['2026-11-23 16:54:45,500 - a', '2026-11-23 16:54:46,750 - b']);
    expect(startMs).toBe(Date.UTC(2026, 10, 23, 16, 54, 45, 500));
    expect(records).toEqual([
      { endByte: 28, afterMs: 0 },
      { endByte: 56, afterMs: 1250 },
    ]);
    expect(durationMs).toBe(1250);
  });

  it('keeps a record and its continuation lines together', () => {
    const { records } = parse(['2026-11-23 16:54:45,500 - a', 'Traceback', '', '2026-11-23 16:54:45,600 - b']);
    expect(records.map(({ endByte }) => endByte)).toEqual([28 + 10 + 1, 28 + 10 + 1 + 28]);
  });

  it('never steps back', () => {
    const { records } = parse([
      '2026-11-23 16:54:45,500 - a',
      '2026-11-23 16:54:46,000 - b',
      '2026-11-23 16:54:45,900 - c',
      '2026-11-23 16:54:44,000 - d',
    ]);
    expect(records.map(({ afterMs }) => afterMs)).toEqual([0, 500, 500, 500]);
  });

  it.each([[[]], [['no record'] as string[]]])('refuses %j', (lines) => {
    expect(() => parse(lines)).toThrow(RangeError);
  });
});

it('the bundled capture is whole', () => {
  const { bytes, records, durationMs } = loadCapture();
  expect(records).toHaveLength(1283);
  expect(records.at(-1)?.endByte).toBe(bytes.length);
  expect(durationMs).toBe(164_357);
});
