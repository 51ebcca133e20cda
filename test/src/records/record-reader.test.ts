/** Bytes to records: which lines are one record, what is handed over, what is only counted, and what happens at every bound. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HELD_BYTES, MAX_LINE_BYTES, MAX_RECORD_BYTES } from '../../../src/lines/chunk-consumer.ts';
import { RecordReader } from '../../../src/records/record-reader.ts';
import { ZoneClock } from '../../../src/records/timestamp.ts';
import { countLines } from './chunks.ts';
import { accessEntry, LAYOUTS, type Layout, type LogEntry, renderLog, START_MS, TRACEBACK } from './log-lines.ts';
import { type Reading, RecordingHandler, readRecords, resultOf, unwanted, wanted } from './recording-handler.ts';

const TEXT_LAYOUTS = (Object.keys(LAYOUTS) as Layout[]).filter((name) => !name.startsWith('JSON'));
const messages = ({ handler }: Reading) => handler.records.map(({ message }) => message);
const access = (number: number, uri = '/x') => accessEntry({ timeMs: START_MS + number, request: `GET-${number}` }, { uri });

describe('a record', () => {
  it('has time, request and message, and the position at which its line begins', () => {
    const first = renderLog([unwanted()]);
    const { handler } = readRecords(`${first}${renderLog([wanted('it', { timeMs: START_MS + 123, request: 'PUT-88-$x' })])}`);
    expect(handler.records).toEqual([
      {
        kind: 'record',
        request: 'PUT-88-$x',
        number: 88,
        message: 'Wanted it',
        isCut: false,
        position: first.length,
        timeMs: START_MS + 123,
      },
    ]);
  });

  it.each(TEXT_LAYOUTS)('in layout "%s" keeps the lines of its message and loses its traceback', (name) => {
    const entries = [
      wanted('one'),
      wanted('two\nlines\n\n  of four\n', { traceback: TRACEBACK }),
      unwanted('between', { traceback: TRACEBACK }),
      wanted('three'),
    ];
    const { reader, ...reading } = readRecords(renderLog(entries, name));
    // The worker's name stands on the first line only, so its layout is no prefix of the others; all the rest is.
    expect(messages({ reader, ...reading })).toEqual(['Wanted one', 'Wanted two\nlines\n\n  of four\n', 'Wanted three']);
    expect(reader.counts).toMatchObject({ records: 4, accessLines: 0, cutLines: 0 });
    expect(reading.handler.unknown).toEqual([]);
  });

  it.each([
    ['an empty line', '\n'],
    ['some', '\n\n\n'],
    ['one of a terminal', '\r\n'],
  ])('isn’t longer for what stands between it and the next one: %s', (_, between) => {
    const log = [wanted('one'), wanted('two'), unwanted()].map((entry) => renderLog([entry])).join(between);
    const { reader, ...reading } = readRecords(log);
    expect(messages({ reader, ...reading })).toEqual(['Wanted one', 'Wanted two']);
    expect(reader.counts).toMatchObject({ records: 3, lines: 3 + 2 * (between.split('\n').length - 1), bytes: Buffer.byteLength(log) });
  });

  it('is read behind a byte order mark, for any chunking', () => {
    const log = Buffer.from(`\ufeff${renderLog([wanted('one'), access(2)])}`);
    for (const sizes of [[1], [2, 5], [log.length]]) {
      const { reader, ...reading } = readRecords(log, { sizes });
      expect(messages({ reader, ...reading })).toEqual(['Wanted one']);
      expect(reader.counts).toMatchObject({ records: 2, lines: 2, accessLines: 1, bytes: log.length });
      expect(reading.handler.unknown).toEqual([]);
    }
  });

  it('loses the capture point that Synapse’s own formatter writes, too', () => {
    const { handler } = readRecords(
      renderLog([
        wanted('it', { traceback: 'Capture point (most recent call last):\n  File "x"\nTraceback (most recent call last):\nE: e' }),
      ]),
    );
    expect(handler.records.map(({ message }) => message)).toEqual(['Wanted it']);
  });

  it('keeps words about a traceback that are no traceback', () => {
    const message = 'see Traceback (most recent call last): below\nTraceback (most recent call last)';
    expect(messages(readRecords(renderLog([wanted(message)])))).toEqual([`Wanted ${message}`]);
  });

  it('is handed over only if it begins as somebody wants it, and is counted in any case', () => {
    const { handler, reader } = readRecords(
      renderLog([wanted('it'), wanted('it', { message: 'wanted, not' }), wanted('it', { message: 'Want' }), unwanted('Wanted elsewhere')]),
    );
    expect(handler.records.map(({ message }) => message)).toEqual(['Wanted it']);
    expect(reader.counts).toMatchObject({ lines: 4, records: 4 });
  });

  it.each([
    ['a carriage return', 'a\rb'],
    ['a form feed', 'a\u000cb'],
    ['a line separator', 'a\u2028b\u2029c\u0085d'],
    ['NUL', 'a\0b'],
  ])('isn’t ended by %s', (_, message) => {
    expect(messages(readRecords(renderLog([wanted(message), unwanted()])))).toEqual([`Wanted ${message}`]);
  });

  it('with bytes that are no UTF-8 has U+FFFD in their place', () => {
    const line = Buffer.from(renderLog([wanted('X')]));
    line[line.indexOf('X'.charCodeAt(0))] = 0xff;
    expect(messages(readRecords(line))).toEqual(['Wanted �']);
  });

  it('is handed over once, in file order, among access lines', () => {
    const { handler } = readRecords(renderLog([wanted('1'), access(1), wanted('2'), wanted('3'), access(2), access(3)]));
    expect(handler.handed.map((entry) => (entry.kind === 'record' ? entry.message : entry.kind === 'access' ? entry.number : ''))).toEqual([
      'Wanted 1',
      1,
      'Wanted 2',
      'Wanted 3',
      2,
      3,
    ]);
  });
});

describe('a line of a record', () => {
  it('that begins with a stamp, and is no header, doesn’t move the clock', () => {
    // In the hour that comes twice, the last time that was read decides which of the two it is.
    const first = Date.UTC(2026, 9, 25, 2, 30, 0);
    const traceback =
      'Traceback (most recent call last):\n2026-10-25 09:00:00,000 - said the database\n2026-10-25 09:00:00,000 - x - 1 - NOTICE - y - z';
    const log = renderLog([wanted('a', { timeMs: first, traceback }), wanted('b', { timeMs: first + 5000 })]);
    const times = readRecords(log, { timeZone: 'Europe/Berlin' }).handler.records.map(({ timeMs }) => new Date(timeMs).toISOString());
    expect(times).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T00:30:05.000Z']);
  });
});

describe('a record that may go on', () => {
  const [first, second] = [Buffer.from(renderLog([wanted('one\n')])), Buffer.from(renderLog([unwanted()]))];
  const start = () => {
    const handler = new RecordingHandler();
    return { handler, reader: new RecordReader(handler, new ZoneClock('UTC')) };
  };

  it('is held, whole, until the next header comes', () => {
    const { handler, reader } = start();
    expect(reader.read(first, first.length)).toBe(0);
    expect([handler.records.length, reader.counts.lines]).toEqual([0, 0]);
    const both = Buffer.concat([first, second]);
    expect(reader.read(both, both.length)).toBe(both.length);
    expect([handler.records.length, reader.counts.lines]).toEqual([1, 3]);
  });

  it('is taken as whole when the source is quiet, and not before', () => {
    const { handler, reader } = start();
    const half = first.length - 3;
    expect(reader.read(first, half)).toBe(0);
    expect(reader.settle(first, half)).toBe(0);
    expect(handler.records).toEqual([]);
    expect(reader.read(first, first.length)).toBe(0);
    expect(reader.settle(first, first.length)).toBe(first.length);
    expect(handler.records.map(({ message }) => message)).toEqual(['Wanted one']);
    expect(reader.settle(first, 0)).toBe(0);
    expect(handler.records).toHaveLength(1);
  });

  it('keeps a line without its newline out of the settled record', () => {
    const { handler, reader } = start();
    const bytes = Buffer.concat([first, Buffer.from('Traceback (mo')]);
    expect(reader.settle(bytes, bytes.length)).toBe(first.length);
    expect(handler.records).toHaveLength(1);
  });

  it('is taken at the end of a file, without its newline too', () => {
    const { handler, reader } = start();
    const open = first.subarray(0, first.length - 1);
    reader.finish(open, open.length);
    expect(handler.records.map(({ message }) => message)).toEqual(['Wanted one']);
    expect(reader.counts).toMatchObject({ lines: 1, records: 1, bytes: open.length });
  });

  it('is wanted or not by the rules of the moment when it’s whole', () => {
    const { handler, reader } = start();
    expect(reader.read(first, first.length)).toBe(0);
    handler.prefixes = [];
    reader.forgetInterests();
    const both = Buffer.concat([first, second]);
    expect(reader.read(both, both.length)).toBe(both.length);
    expect([handler.records.length, reader.counts.records]).toEqual([0, 2]);
  });
});

describe('an access line', () => {
  it('is handed over at once, with the position at which its line begins', () => {
    const before = renderLog([unwanted(), access(1)]);
    const bytes = Buffer.from(`${before}${renderLog([access(2, '/y')])}`);
    const handler = new RecordingHandler();
    const reader = new RecordReader(handler, new ZoneClock('UTC'));
    expect(reader.read(bytes, bytes.length)).toBe(bytes.length);
    expect(handler.accessLines[1]).toEqual({
      kind: 'access',
      number: 2,
      status: 200,
      uri: '/y',
      position: before.length,
      timeMs: START_MS + 2,
    });
  });

  it.each([...TEXT_LAYOUTS, 'JSON, terse'] as const)('in layout "%s" has the position at which its line begins, prefix and all', (name) => {
    const before = renderLog([unwanted()], name);
    expect(readRecords(`${before}${renderLog([access(1)], name)}`).handler.accessLines.map(({ position }) => position)).toEqual([
      Buffer.byteLength(before),
    ]);
  });

  it.each([
    ['another form', accessEntry({ timeMs: START_MS, request: 'GET-1' }, {}).message.replace('Processed request', 'Processed')],
    ['no brace at all', 'Stopping'],
    ['an unfinished head', '203.0.113.7 - 8008 - {None} Processed request: '],
    ['nothing', ''],
  ])('with %s is counted as unknown by its logger, takes nothing from the next line, and is a record', (_, message) => {
    for (const name of ['precise', 'JSON, terse'] as const) {
      const { handler, reader } = readRecords(renderLog([access(1), { ...access(2), message }, access(3, '/next')], name));
      expect(handler.unknown).toEqual(['access_line synapse.access.http.8008']);
      expect(handler.accessLines.map(({ number }) => number)).toEqual([1, 3]);
      expect(reader.counts).toMatchObject({ lines: 3, records: 3, accessLines: 2 });
    }
  });

  it('that tells of a request’s beginning (DEBUG) is neither unknown nor counted as one', () => {
    const received: LogEntry = {
      ...access(1),
      level: 'DEBUG',
      message: '203.0.113.7 - 8008 - Received request: GET /_matrix/client/v3/sync',
    };
    for (const name of ['precise', 'JSON, terse'] as const) {
      const { handler, reader } = readRecords(renderLog([received, { ...access(1), level: 'DEBUG' }], name));
      expect(handler.unknown).toEqual([]);
      expect(reader.counts).toMatchObject({ records: 2, accessLines: 1 });
    }
  });
});

describe('lines that are no records', () => {
  it('before the first record are unknown; behind one they belong to it', () => {
    const { handler, reader } = readRecords(
      `rest of a record\nthat was rotated away\n${renderLog([unwanted('x', { traceback: TRACEBACK })])}more\n`,
    );
    expect(handler.unknown).toEqual(['not_a_record', 'not_a_record']);
    expect(reader.counts).toMatchObject({ lines: 8, records: 1 });
  });

  it('of another program are unknown, each of them, and nothing else comes of them', () => {
    const log = Array.from({ length: 1000 }, (_, i) => `Jun 30 12:00:00 host kernel: [ ${i}.1] eth0: link is up\n`).join('');
    const { handler, reader } = readRecords(log);
    expect(handler.unknown).toHaveLength(1000);
    expect(reader.counts).toMatchObject({ lines: 1000, records: 0, accessLines: 0, bytes: log.length, firstTimeMs: Number.NaN });
    expect(reader.format).toBeNull();
  });

  it('of a JSON log that isn’t Synapse’s are unknown', () => {
    const { handler, reader } = readRecords('{"msg":"hello"}\n[1]\n"x"\n{}\n');
    expect(handler.unknown).toHaveLength(4);
    expect(reader.counts.records).toBe(0);
  });

  it('in a JSON log are unknown, and told from broken JSON', () => {
    const { handler } = readRecords(
      `${renderLog([access(1), access(2)], 'JSON, terse')}{"log":"cut\nTraceback\n${renderLog([access(3)], 'JSON, terse')}`,
    );
    expect(handler.unknown).toEqual(['json_not_a_record', 'not_a_record']);
    expect(handler.accessLines).toHaveLength(3);
  });
});

describe('the format of a source', () => {
  const some = [unwanted(), access(1), wanted('it'), access(2), unwanted(), access(3)];
  const byteWise = { sizes: [1] };

  it.each(Object.keys(LAYOUTS) as Layout[])('is found out for layout "%s", and announced once', (name) => {
    const { handler, reader } = readRecords(renderLog(some, name));
    expect(handler.formats).toEqual([reader.format]);
    expect(reader.counts).toMatchObject({ records: 6, accessLines: 3 });
  });

  it.each([
    ['start-up', 'main'],
    ['no context', 'sentinel'],
    ['a callback of start-up', 'call_when_running'],
    ['a background process', '_handle_new_device_update_async-9'],
    ['a replication stream', 'replication-RDATA-to_device-901'],
  ])('with server names is found out where the first record is of %s, however the bytes come', (_, request) => {
    const log = renderLog([unwanted('x', { request }), unwanted('y', { request }), ...some], 'server name');
    const whole = readRecords(log);
    expect(whole.reader.counts).toMatchObject({ records: 8, accessLines: 3 });
    expect(resultOf(readRecords(log, byteWise))).toEqual(resultOf(whole));
  });

  it('can be given, and then isn’t looked for', () => {
    const { handler, reader } = readRecords(renderLog(some, 'compose name'), {
      format: { kind: 'text', prefix: 'name', hasServerName: false },
    });
    expect(handler.formats).toEqual([]);
    expect(reader.counts.accessLines).toBe(3);
  });

  it('is found behind many lines of something else', () => {
    for (const junk of [1, 99, 100, 101, 250, 450]) {
      const log = `${'start-up noise of a container\n'.repeat(junk)}${renderLog(some, 'docker timestamps')}`;
      expect(readRecords(log).reader.counts, `after ${junk} lines`).toMatchObject({ lines: junk + 6, records: 6 });
    }
  });

  it.each([
    ['precise', 'server name'],
    ['server name', 'precise'],
  ] as const)(
    'is read from the first record on where layout "%s" becomes "%s" in mid-file, and back, however the bytes come',
    (one, other) => {
      const [first, second, third] = [0, 10, 20].map((from) => [
        access(from),
        wanted('it'),
        access(from + 1),
        unwanted('x', { request: 'main' }),
      ]);
      const log = `${renderLog(first as LogEntry[], one)}${renderLog(second as LogEntry[], other)}${renderLog(third as LogEntry[], one)}`;
      for (const sizes of [[log.length], [4096], [100], [1]]) {
        const { handler } = readRecords(log, { sizes });
        expect(
          handler.accessLines.map(({ number }) => number),
          `chunks of ${sizes[0]}`,
        ).toEqual([0, 1, 10, 11, 20, 21]);
        expect(handler.records.map(({ request, message }) => `${request} ${message}`)).toEqual(Array(3).fill('POST-7 Wanted it'));
        expect(handler.formats.map((format) => format.kind === 'text' && format.hasServerName)).toHaveLength(3);
      }
    },
  );

  it('stays where single messages only look like another layout', () => {
    const others = (from: number) => Array.from({ length: 50 }, (_, i) => access(from + i));
    const odd = (number: number) => unwanted(`POST-${number} - it`, { request: 'example.org' });
    const { handler } = readRecords(renderLog([...others(0), odd(1), ...others(50), odd(2), ...others(100)]));
    expect(handler.formats).toHaveLength(1);
    expect(handler.accessLines.map(({ number }) => number)).toEqual(Array.from({ length: 150 }, (_, i) => i));
  });

  it.each([
    ['precise', 'JSON, terse'],
    ['JSON, terse', 'precise'],
    ['precise', 'docker timestamps'],
    ['compose name', 'precise'],
  ] as const)('is found out anew where layout "%s" becomes "%s" in mid-file, however the bytes come', (before, after) => {
    const long = Array.from({ length: 400 }, (_, i) => access(i));
    const log = `${renderLog(some, before)}${renderLog(long, after)}`;
    for (const sizes of [[log.length], [4096], [100]]) {
      const { reader } = readRecords(log, { sizes });
      // The lines by which the change is noticed are lost; most aren't.
      expect(reader.counts.accessLines, `chunks of ${sizes[0]}`).toBeGreaterThan(3 + 150);
      expect(reader.counts.lines).toBe(406);
    }
  });

  it('isn’t changed by a long traceback, whatever it looks like', () => {
    const traceback = [
      'Traceback (most recent call last):',
      ...Array.from({ length: 500 }, (_, i) => `{"log":"x${i}","namespace":"a"}`),
    ].join('\n');
    const { handler, reader } = readRecords(renderLog([access(1), unwanted('x', { traceback }), access(2), access(3)]));
    expect(handler.formats).toHaveLength(1);
    expect(reader.counts).toMatchObject({ records: 4, accessLines: 3 });
  });
});

describe('at the bounds', () => {
  const head = renderLog([wanted('')]).trimEnd();
  const unwantedHead = renderLog([unwanted('m')]).trimEnd();
  /** A line of exactly `length` bytes (without its newline). */
  const lineOf = (length: number, start = head) => `${start}${'x'.repeat(length - start.length)}`;
  const after = renderLog([access(8), wanted('after'), access(9)]);
  const CHUNKINGS = [[1 << 24], [65_536], [262_143, 1], [300_000], [1000, 262_144], [MAX_LINE_BYTES + 1]];

  it.each([
    ['just below the bound', MAX_LINE_BYTES - 1, 0],
    ['at the bound', MAX_LINE_BYTES, 0],
    ['just above the bound', MAX_LINE_BYTES + 1, 1],
    ['far above the bound', 3 * MAX_LINE_BYTES, 1],
  ])('a line %s is whole or cut, wanted or not, the same for any chunking', (_, length, cutLines) => {
    for (const start of [head, unwantedHead]) {
      const log = `${lineOf(length, start)}\n${after}`;
      for (const sizes of CHUNKINGS) {
        const { handler, reader, mostHeldBytes } = readRecords(log, { sizes });
        expect(reader.counts, `chunks of ${sizes.join(', ')}`).toMatchObject({
          lines: 4,
          records: 4,
          accessLines: 2,
          cutLines,
          bytes: log.length,
        });
        expect(handler.records.map(({ message, isCut, position }) => ({ length: message.length, isCut, position })).slice(0, -1)).toEqual(
          start === head
            ? [{ length: Math.min(length, MAX_LINE_BYTES) - head.length + 'Wanted'.length, isCut: cutLines > 0, position: 0 }]
            : [],
        );
        expect(handler.records.at(-1)).toMatchObject({ message: 'Wanted after', isCut: false });
        expect(mostHeldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
      }
    }
  });

  it.each([
    ['just below the bound', -1, false],
    ['at the bound', 0, false],
    ['just above the bound', 1, true],
    ['far above the bound', 400_000, true],
  ])('a record of many lines %s is whole or cut, the same for any chunking', (_, over, isCut) => {
    // With the newlines between its lines, without the last one.
    const length = MAX_RECORD_BYTES + over;
    const lines = [head];
    for (let left = length - head.length; left > 0; left -= 101) lines.push('y'.repeat(Math.min(left, 101) - 1));
    const record = lines.join('\n');
    expect(record.length).toBe(length);
    const log = `${record}\n${after}`;
    const whole = readRecords(log);
    expect(whole.handler.records[0]).toMatchObject({ isCut, position: 0 });
    expect(whole.reader.counts).toMatchObject({ lines: lines.length + 3, records: 4, accessLines: 2, cutLines: 0 });
    for (const sizes of CHUNKINGS) {
      const reading = readRecords(log, { sizes });
      expect(reading.mostHeldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
      expect(resultOf(reading), `chunks of ${sizes.join(', ')}`).toEqual(resultOf(whole));
    }
  });

  it('a small record isn’t cut because the line behind it is long', () => {
    for (const start of [head, unwantedHead]) {
      const log = `${renderLog([wanted('small')])}${lineOf(2 * MAX_LINE_BYTES, start)}\n${after}`;
      for (const sizes of CHUNKINGS)
        expect(readRecords(log, { sizes }).handler.records[0], `chunks of ${sizes.join(', ')}`).toMatchObject({
          message: 'Wanted small',
          isCut: false,
        });
    }
  });

  it('a long line in the midst of a record is cut, and the record goes on behind it, the same for any chunking', () => {
    const log = `${renderLog([unwanted('x')])}${'y'.repeat(2 * MAX_LINE_BYTES)}\nlast line of it\n${after}`;
    for (const sizes of CHUNKINGS) {
      const { reader, handler } = readRecords(log, { sizes });
      expect(reader.counts, `chunks of ${sizes.join(', ')}`).toMatchObject({
        lines: 6,
        records: 4,
        accessLines: 2,
        cutLines: 1,
        bytes: log.length,
      });
      expect(handler.unknown).toEqual([]);
    }
  });

  it('a line of 25 MB is read to the bound and no further, and holds no more memory than any other', () => {
    const log = Buffer.concat([Buffer.from(head), Buffer.alloc(25_000_000, 'z'), Buffer.from(`\n${after}`)]);
    for (const sizes of [[65_536], [1_000_000]]) {
      const { handler, reader, mostHeldBytes } = readRecords(log, { sizes });
      expect(reader.counts).toMatchObject({ lines: 4, records: 4, accessLines: 2, cutLines: 1, bytes: log.length });
      expect(handler.records.map(({ message, isCut }) => [message.length > 200_000, isCut])).toEqual([
        [true, true],
        [false, false],
      ]);
      expect(mostHeldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
    }
  });

  it('a record of 5 MB in short lines is read to the bound and no further', () => {
    const log = `${head}\n${`${'z'.repeat(99)}\n`.repeat(50_000)}${after}`;
    const { handler, reader, mostHeldBytes } = readRecords(log, { sizes: [65_536] });
    expect(reader.counts).toMatchObject({ lines: 50_004, records: 4, accessLines: 2, cutLines: 0 });
    expect(handler.records[0]?.message.length).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    expect(mostHeldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
  });

  it('a JSON line above the bound is cut and unknown, and the next ones are read, the same for any chunking', () => {
    const before = renderLog([access(1)], 'JSON, terse');
    const log = `${before}${renderLog([wanted('x'.repeat(MAX_LINE_BYTES))], 'JSON, terse')}${renderLog([access(2), wanted('after')], 'JSON, terse')}`;
    for (const sizes of CHUNKINGS) {
      const { handler, reader } = readRecords(log, { sizes });
      expect(reader.counts, `chunks of ${sizes.join(', ')}`).toMatchObject({
        lines: 4,
        records: 3,
        accessLines: 2,
        cutLines: 1,
        bytes: log.length,
      });
      expect(handler.unknown).toEqual(['json_not_a_record']);
    }
  });

  it('a character that the cut splits becomes U+FFFD', () => {
    const line = `${head}${'x'.repeat(MAX_LINE_BYTES - head.length - 1)}é more`;
    for (const sizes of CHUNKINGS)
      expect(readRecords(`${line}\n${after}`, { sizes }).handler.records[0]?.message.slice(-2), `chunks of ${sizes.join(', ')}`).toBe('x�');
  });

  it('a file that ends in a cut line is counted to its last byte', () => {
    const log = lineOf(2 * MAX_LINE_BYTES);
    for (const sizes of CHUNKINGS)
      expect(readRecords(log, { sizes }).reader.counts).toMatchObject({ lines: 1, records: 1, cutLines: 1, bytes: log.length });
  });

  it('a next generation begins anew behind a file that ended in a cut line', () => {
    const handler = new RecordingHandler();
    const reader = new RecordReader(handler, new ZoneClock('UTC'));
    const cut = Buffer.from(lineOf(2 * MAX_LINE_BYTES));
    reader.finish(cut, reader.read(cut, cut.length) === cut.length ? 0 : cut.length);
    const next = Buffer.from(after);
    reader.finish(next, next.length);
    expect(reader.counts).toMatchObject({ lines: 4, records: 4, accessLines: 2 });
    expect(handler.accessLines.map(({ position }) => position)).toEqual([0, after.lastIndexOf('\n', after.length - 2) + 1]);
  });
});

describe('any input', () => {
  const long = fc
    .record({
      head: fc.constantFrom('', renderLog([wanted('')]).trimEnd(), renderLog([unwanted('m')]).trimEnd(), renderLog([access(1)]).trimEnd()),
      length: fc.integer({ min: MAX_LINE_BYTES - 300, max: MAX_LINE_BYTES + 300 }),
    })
    .map(({ head, length }) => `${head}${'q'.repeat(Math.max(0, length - head.length))}\n`);
  const short = fc.constantFrom(renderLog([access(1)]), renderLog([wanted('a\nb')]), renderLog([unwanted()]), 'continuation\n', '\n');

  it('around the bounds is counted whole, holds bounded memory, and is read the same for any chunking', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(long, { arbitrary: short, weight: 3 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1000, max: 400_000 }), { minLength: 1, maxLength: 4 }),
        (lines, sizes) => {
          const log = Buffer.from(lines.join(''));
          const [whole, pieces] = [readRecords(log), readRecords(log, { sizes })];
          expect(pieces.reader.counts).toMatchObject({ bytes: log.length, lines: countLines(log) });
          expect(pieces.mostHeldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
          expect(resultOf(pieces)).toEqual(resultOf(whole));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of any bytes never throws, is counted whole, and is read the same for any chunking', () => {
    const bytes = fc
      .array(
        fc.oneof(
          fc.uint8Array({ maxLength: 60, size: 'max' }),
          short.map((text) => Buffer.from(text)),
          fc.constantFrom(
            ...[
              '{"log":"',
              '2026-06-30 12:00:00,123 - ',
              ' - INFO - GET-1 - ',
              '\n',
              ' | ',
              '{"log":"x","namespace":"synapse.wanted","level":"INFO"}\n',
            ].map((text) => Buffer.from(text)),
          ),
        ),
        { maxLength: 20, size: 'max' },
      )
      .map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }), (log, sizes) => {
        const pieces = readRecords(log, { sizes });
        expect(pieces.reader.counts).toMatchObject({ bytes: log.length, lines: countLines(log) });
        // Chunks may end before a format shows; where one is given, nothing depends on them.
        const format = { kind: 'text', prefix: 'none', hasServerName: false } as const;
        expect(resultOf(readRecords(log, { sizes, format }))).toEqual(resultOf(readRecords(log, { format })));
      }),
      { numRuns: 1000 },
    );
  });
});
