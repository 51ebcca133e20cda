/** The memo of log statements: bounded, and never wrong. */
import { describe, expect, it } from 'vitest';
import { LogStatementTable, MAX_MIDDLE_BYTES, MAX_STATEMENTS } from '../../../src/records/log-statement.ts';

/** Finds the statement of a middle; the buffer goes on behind it. */
function find(table: LogStatementTable<number>, middle: string, { hasServerName = false, behind = 'x'.repeat(400) } = {}) {
  const bytes = Buffer.from(`${middle}${behind}`);
  return table.find(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, hasServerName);
}

describe('the table of statements', () => {
  it('asks once what is wanted of a statement, however often it comes', () => {
    let asked = 0;
    const table = new LogStatementTable(() => ++asked);
    for (let i = 0; i < 5; i++)
      expect(find(table, 'synapse.http.server - 131 - INFO - ')).toMatchObject({
        logger: 'synapse.http.server',
        level: 'INFO',
        interest: 1,
      });
    expect(asked).toBe(1);
  });

  it('tells statements apart by logger, line and level', () => {
    let asked = 0;
    const table = new LogStatementTable(() => ++asked);
    const middles = [
      'synapse.a - 1 - INFO - ',
      'synapse.a - 2 - INFO - ',
      'synapse.a - 1 - DEBUG - ',
      'synapse.b - 1 - INFO - ',
      'synapse.ab - 1 - INFO - ',
    ];
    const found = [...middles, ...middles].map((middle) => find(table, middle)?.interest);
    expect(found).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
  });

  it('goes on reading statements beyond its bound, but remembers no more of them', () => {
    const asked = new Map<string, number>();
    const table = new LogStatementTable((logger) => {
      asked.set(logger, (asked.get(logger) ?? 0) + 1);
      return 0;
    });
    const middleOf = (index: number) => `synapse.module_${index} - 1 - INFO - `;
    const loggers = MAX_STATEMENTS + 500;
    for (const round of [1, 2])
      for (let i = 0; i < loggers; i++)
        expect(find(table, middleOf(i), { behind: 'x'.repeat(MAX_MIDDLE_BYTES) })?.logger, `round ${round}`).toBe(`synapse.module_${i}`);
    const askedOnce = [...asked.values()].filter((count) => count === 1).length;
    expect([askedOnce, asked.size]).toEqual([MAX_STATEMENTS, loggers]);
  });

  it('doesn’t remember a middle whose bytes are no text, and isn’t filled by it', () => {
    let asked = 0;
    const table = new LogStatementTable(() => ++asked);
    // Eight bytes that are NaN when they are read as a number: they equal nothing, not even themselves.
    const middle = Buffer.concat([Buffer.from('synapse.'), Buffer.alloc(16, 0xff), Buffer.from(' - 1 - INFO - ')]);
    const bytes = Buffer.concat([middle, Buffer.alloc(400, 'x')]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < MAX_STATEMENTS + 1; i++) expect(table.find(bytes, view, 0, false)?.length).toBe(middle.length);
    asked = 0;
    for (let i = 0; i < 2; i++) expect(find(table, 'synapse.http.server - 131 - INFO - ')?.logger).toBe('synapse.http.server');
    expect(asked).toBe(1);
  });

  it('reads a statement in the last bytes of a buffer', () => {
    const table = new LogStatementTable(() => 0);
    for (const behind of ['G', 'GET-1 - x\n', 'y'.repeat(MAX_MIDDLE_BYTES)])
      expect(find(table, 'synapse.a - 1 - INFO - ', { behind })).toMatchObject({ logger: 'synapse.a', length: 23 });
  });

  it('reads middles that are too long to be remembered', () => {
    let asked = 0;
    const table = new LogStatementTable(() => ++asked);
    const long = { hasServerName: true, behind: `${'s'.repeat(150)}.example - GET-1 - ${'x'.repeat(400)}` };
    for (let i = 0; i < 2; i++) expect(find(table, `${'l'.repeat(100)} - 1 - INFO - `, long)?.logger).toBe('l'.repeat(100));
    expect(asked).toBe(2);
  });

  it.each([
    ['synapse.access.http.client public', 'synapse.access.http.client public - 484 - INFO - '],
    ['synapse.access.https.a - b', null],
    ['other.logger with spaces', null],
  ])('lets a listener’s tag have spaces, and nothing else: %s', (logger, middle) => {
    const table = new LogStatementTable(() => 0);
    const found = find(table, middle ?? `${logger} - 484 - INFO - `);
    expect(found?.logger ?? null).toBe(middle === null ? null : logger);
  });
});
