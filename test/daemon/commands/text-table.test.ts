import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../daemon/commands/text-table.ts';

const COLUMNS = [
  { title: 'user', canShrink: true },
  { title: 'device', canShrink: true },
  { title: 'count', align: 'right' },
] as const;

describe('renderTable', () => {
  it('aligns by the columns that characters take', () => {
    expect(
      renderTable(
        COLUMNS,
        [
          ['日本', 'A', '1'],
          ['alice', 'BB', '1,234'],
        ],
        { width: 80 },
      ),
    ).toEqual(['user   device  count', '日本   A           1', 'alice  BB      1,234']);
  });

  it('cuts the widest column first', () => {
    expect(renderTable(COLUMNS, [['abcdefghijklmnop', 'ABCDEFGHIJ', '1']], { width: 29 })).toEqual([
      'user        device      count',
      'abcdefghi…  ABCDEFGHIJ      1',
    ]);
  });

  it('cuts columns alike where both must give way, and no number', () => {
    expect(renderTable(COLUMNS, [['a'.repeat(30), 'b'.repeat(30), '1,234,567']], { width: 33 })).toEqual([
      'user        device          count',
      'aaaaaaaaa…  bbbbbbbbb…  1,234,567',
    ]);
  });

  it('has no titles without rows', () => {
    expect(renderTable(COLUMNS, [], { width: 80 })).toEqual([]);
  });

  it('styles cells after they have their width, and never titles', () => {
    const columns = [
      { title: 'n', align: 'right', style: (cell: string, raw: string) => (raw === '0' ? cell : `<${cell}>`) },
      { title: 'x' },
    ] as const;
    expect(
      renderTable(
        columns,
        [
          ['0', 'a'],
          ['10', 'b'],
        ],
        { width: 80, titleStyle: (line) => `*${line}*` },
      ),
    ).toEqual(['* n  x*', ' 0  a', '<10>  b']);
  });
});
