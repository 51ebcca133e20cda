/** The header of a text record (synapse-log-lines.md 1, 2), and what is none. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogStatementTable } from '../../../src/records/log-statement.ts';
import { RecordHeader } from '../../../src/records/record-header.ts';
import { parseRequestNumber } from '../../../src/records/request-id.ts';
import { ZoneClock } from '../../../src/records/timestamp.ts';

/** What stands behind the line in the buffer: more log. */
const BEHIND = `2026-06-30 12:00:01,000 - synapse.util.x - 1 - INFO - GET-1 - next\n`.repeat(4);

interface Parts {
  readonly timeMs: number;
  readonly logger: string;
  readonly level: string;
  readonly request: string;
  readonly number: number;
  readonly message: string;
}

function createHeader(): RecordHeader<string> {
  return new RecordHeader(new LogStatementTable((logger, level) => `${level} ${logger}`), new ZoneClock('UTC'));
}

function read(line: string | Buffer, { hasServerName = false, header = createHeader(), offset = 0, behind = BEHIND } = {}): Parts | null {
  const bytes = Buffer.concat([Buffer.from('z'.repeat(offset)), Buffer.from(line), Buffer.from(`\n${behind}`)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!header.read(bytes, view, offset, hasServerName)) return null;
  const { timeMs, statement, requestStart, requestEnd, requestNumber, messageStart } = header;
  expect(statement?.interest).toBe(`${statement?.level} ${statement?.logger}`);
  const text = (start: number, end: number) => bytes.toString('utf8', start, end);
  return {
    timeMs,
    logger: statement?.logger ?? '',
    level: statement?.level ?? '',
    request: text(requestStart, requestEnd),
    number: requestNumber,
    message: text(messageStart, bytes.indexOf(0x0a, offset)),
  };
}

const NOON_MS = Date.UTC(2026, 5, 30, 12, 0, 0, 123);
const line = (request: string, message = 'message') =>
  `2026-06-30 12:00:00,123 - synapse.http.server - 131 - INFO - ${request} - ${message}`;

describe('a header', () => {
  it('gives time, logger, level, request and where the message begins', () => {
    expect(read(line('POST-2817', '<XForwardedForRequest …'))).toEqual({
      timeMs: NOON_MS,
      logger: 'synapse.http.server',
      level: 'INFO',
      request: 'POST-2817',
      number: 2817,
      message: '<XForwardedForRequest …',
    });
  });

  it.each(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'])('of level %s is read', (level) => {
    expect(read(line('GET-0').replace('INFO', level))).toMatchObject({ level, request: 'GET-0', number: 0, message: 'message' });
  });

  it.each([
    ['a request', 'POST-2817', 2817],
    ['the first request', 'GET-0', 0],
    ['a nested context', 'PUT-880-$eventid', 880],
    ['a nested context with a room', 'PUT-880-!room:hs-$eventid', 880],
    ['a trailing dash (OpenTracing)', 'PUT-880-', 880],
    ['start-up', 'main', -1],
    ['no context', 'sentinel', -1],
    ['a background process', '_send_on_timeout-12', -1],
    ['a replication stream', 'replication-RDATA-to_device-901', -1],
    ['a task', 'task-delete_device_messages-1-abc', -1],
    ['a method without a number', 'POST', -1],
    ['a method and a dash', 'POST-', -1],
    ['a number that goes on as a word', 'POST-7x', -1],
    ['lower case', 'post-7', -1],
    ['a header’s id', 'req_01J2X', -1],
    ['a number that no counter reaches', 'GET-99999999999999999999999999', -1],
    ['the largest number that can be told from its neighbours', 'GET-9007199254740991', 9_007_199_254_740_991],
    ['nothing', '', -1],
  ])('of %s names it, and its number is the one that a JSON log gives', (_, request, number) => {
    expect(read(line(request))).toMatchObject({ request, number, message: 'message' });
    expect(parseRequestNumber(request)).toBe(number);
  });

  it.each([
    ['POST-7', 7],
    ['PUT-880-$eventid', 880],
    ['main', -1],
    ['', -1],
  ])('of the sample configuration, "%s- message", is read', (request, number) => {
    expect(read(line('R').replace('R - ', `${request}- `))).toMatchObject({ request, number, message: 'message' });
  });

  it.each([
    ['POST-7', 7],
    ['main', -1],
    ['_send_events-0', -1],
  ])('with the server’s name before request %s is read', (request, number) => {
    expect(read(line(`hs.example.org - ${request}`), { hasServerName: true })).toMatchObject({ request, number, message: 'message' });
  });

  it.each([
    ['empty', ''],
    ['one that begins with a dash', '- x'],
    ['one that is a header', line('GET-1')],
    ['one in another script', 'Привет 😀'],
  ])('is read before any message: %s', (_, message) => {
    expect(read(line('GET-3', message))).toMatchObject({ request: 'GET-3', message });
  });

  it('is read at the very end of the buffer, wherever the buffer begins', () => {
    for (let offset = 0; offset < 9; offset++)
      expect(read(line('POST-7', ''), { offset, behind: '' })).toMatchObject({ request: 'POST-7', message: '' });
  });

  it('agrees with a JSON log on the number of any request id', () => {
    const id = fc.stringMatching(/^[A-Za-z]{0,4}-?[0-9]{0,18}[-$x]{0,2}[a-z0-9]{0,3}$/);
    fc.assert(
      fc.property(id, (request) => {
        expect(read(line(request))).toMatchObject({ request, number: parseRequestNumber(request) });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what is no header', () => {
  const good = line('POST-7');

  it.each([
    ['an empty line', ''],
    ['a word', 'x'],
    ['a stamp', '2026-06-30 12:00:00,123'],
    ['a stamp and a dash', '2026-06-30 12:00:00,123 - '],
    ['a header without a message', good.slice(0, good.indexOf(' - message'))],
    ['another separator before the milliseconds', good.replace(',', '.')],
    ['no dash behind the stamp', good.replace('123 - ', '123 x ')],
    ['letters in the stamp', good.replace('06-30', '06-3o')],
    ['letters in the milliseconds', good.replace(',123', ',1a3')],
    ['month 13', good.replace('06-30', '13-30')],
    ['day 0', good.replace('06-30', '06-00')],
    ['hour 24', good.replace('12:00:00', '24:00:00')],
    ['minute 60', good.replace('12:00:00', '12:60:00')],
    ['second 61', good.replace('12:00:00', '12:00:61')],
    ['an ISO stamp', good.replace('30 12', '30T12')],
    ['a level that Python doesn’t have', good.replace('INFO', 'NOTICE')],
    ['a level in lower case', good.replace('INFO', 'info')],
    ['a level that goes on', good.replace('INFO', 'INFORMATION')],
    ['no line number', good.replace(' - 131', '')],
    ['a line number in letters', good.replace('131', 'abc')],
    ['a line number of ten digits', good.replace('131', '1234567890')],
    ['no logger', good.replace('synapse.http.server', '')],
    ['a logger with a space', good.replace('synapse.http.server', 'synapse http')],
    ['a logger longer than any', good.replace('synapse.http.server', 'x'.repeat(200))],
    ['a request with a space', good.replace('POST-7', 'POST 7')],
    ['a request longer than any', good.replace('POST-7', 'x'.repeat(600))],
    ['something before it', ` ${good}`],
    ['a lone carriage return', '\r'],
  ])('is told from one: %s', (_, text) => {
    expect(read(text)).toBeNull();
  });

  it('is never completed from the next line, wherever the line is cut', () => {
    for (let length = 0; length < good.indexOf(' - message') + 3; length++)
      expect(read(good.slice(0, length), { behind: `${good.slice(length)}\n${BEHIND}` })).toBeNull();
  });
});

describe('what is remembered of a header', () => {
  it('never makes another header look like it, in whatever byte they differ', () => {
    const first = '2026-06-30 12:00:00,123 - synapse.storage.txn - 101 - INFO - POST-7 - message';
    const reading = createHeader();
    expect(read(first, { header: reading })).not.toBeNull();
    fc.assert(
      fc.property(fc.nat({ max: first.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const other = Buffer.from(first);
        other[at] = byte;
        // A header that remembers what it has read, and one that has never read anything.
        expect(read(other, { header: reading })).toEqual(read(other));
        expect(read(first, { header: reading })).not.toBeNull();
      }),
      { numRuns: 3000 },
    );
  });

  it('never mixes up statements, however many there are and in whatever order they come', () => {
    const statement = fc.tuple(
      fc.constantFrom('synapse.a', 'synapse.b', 'synapse.handlers.e2e_keys', 'a', 'twisted'),
      fc.nat({ max: 30 }),
      fc.constantFrom('INFO', 'DEBUG', 'ERROR'),
    );
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 60, size: 'max' }), (statements) => {
        const header = createHeader();
        for (const [logger, number, level] of statements) {
          const text = `2026-06-30 12:00:00,123 - ${logger} - ${number} - ${level} - GET-1 - m`;
          expect(read(text, { header })).toMatchObject({ logger, level, request: 'GET-1', message: 'm' });
        }
      }),
      { numRuns: 200 },
    );
  });
});
