/** What a source's lines look like, and the records of JSON logs. */
import { describe, expect, it } from 'vitest';
import { detectFormat, parseJsonRecord } from '../../../src/records/log-format.ts';
import { accessEntry, LAYOUTS, type Layout, type LogEntry, renderLog, START_MS } from './log-lines.ts';
import { unwanted } from './recording-handler.ts';

const detect = (text: string) => detectFormat(Buffer.from(text), 0, Buffer.byteLength(text));
const access = accessEntry({ timeMs: START_MS, request: 'GET-1' }, {});

const FORMATS: Readonly<Record<Layout, object>> = {
  precise: { kind: 'text', prefix: 'none', hasServerName: false },
  'request with a trailing dash': { kind: 'text', prefix: 'none', hasServerName: false },
  'server name': { kind: 'text', prefix: 'none', hasServerName: true },
  'docker timestamps': { kind: 'text', prefix: 'timestamp', hasServerName: false },
  'compose name': { kind: 'text', prefix: 'name', hasServerName: false },
  'compose name and timestamps': { kind: 'text', prefix: 'name+timestamp', hasServerName: false },
  'worker name on the first line': { kind: 'text', prefix: 'name', hasServerName: false },
  journal: { kind: 'text', prefix: 'syslog', hasServerName: false },
  syslog: { kind: 'text', prefix: 'syslog', hasServerName: false },
  "a terminal's line ends": { kind: 'text', prefix: 'none', hasServerName: false },
  'JSON, terse': { kind: 'json', prefix: 'none' },
  'JSON without time': { kind: 'json', prefix: 'none' },
  'JSON behind docker timestamps': { kind: 'json', prefix: 'timestamp' },
};

describe('the format of lines', () => {
  it.each(Object.keys(LAYOUTS) as Layout[])('in layout "%s" is found out from one record, and from many', (name) => {
    expect(detect(renderLog([access], name))).toEqual(FORMATS[name]);
    expect(
      detect(
        renderLog(
          Array.from({ length: 300 }, () => access),
          name,
        ),
      ),
    ).toEqual(FORMATS[name]);
  });

  it.each(['main', 'sentinel', '_send_events-0', 'replication-RDATA-to_device-901', 'looping_call', ''])(
    'isn’t taken for one with server names because a message behind request "%s" has dashes',
    (request) => {
      for (const message of ['x - y - z', 'Setting up - done', ' - - ', '- - main - x'])
        expect(detect(renderLog([unwanted('', { request, message })]))).toMatchObject({ hasServerName: false });
    },
  );

  it.each([
    ['nothing', ''],
    ['empty lines', '\n\n\n'],
    ['another program’s lines', 'Jun 30 12:00:00 host kernel: x\n'],
    ['the journal’s own layout, which has neither level nor time', 'synapse.http.server: [POST-7] message\n'],
    ['JSON of another program', '{"msg":"x","level":"info"}\n'],
    ['a record that isn’t ended', renderLog([access]).trimEnd()],
  ])('isn’t guessed from %s', (_, text) => {
    expect(detect(text)).toBeNull();
  });

  it('is that of most lines', () => {
    const text = `${renderLog([access, access], 'JSON, terse')}${renderLog([access, access, access], 'compose name')}x\ny\nz\nw\n`;
    expect(detect(text)).toEqual(FORMATS['compose name']);
  });
});

describe('a JSON record', () => {
  const entry: LogEntry = { timeMs: START_MS + 120, logger: 'synapse.x', level: 'WARNING', request: 'POST-7', message: 'a\nb "c" é' };
  const common = { logger: 'synapse.x', level: 'WARNING', message: 'a\nb "c" é' };

  it.each([
    ['TerseJsonFormatter', LAYOUTS['JSON, terse'](entry), { ...common, request: 'POST-7', timeMs: START_MS + 120 }],
    ['JsonFormatter', LAYOUTS['JSON without time'](entry), { ...common, request: 'POST-7', timeMs: Number.NaN }],
    [
      'GcpJsonFormatter',
      JSON.stringify({ severity: 'WARNING', message: entry.message, logger: 'synapse.x', time: '2026-06-30T12:00:00.123Z' }),
      { ...common, request: '', timeMs: START_MS + 123 },
    ],
    [
      'GcpJsonFormatter, to the microsecond',
      JSON.stringify({ severity: 'WARNING', message: entry.message, logger: 'synapse.x', time: '2026-06-30T12:00:00.123999Z' }),
      { ...common, request: '', timeMs: START_MS + 123 },
    ],
    [
      'GcpJsonFormatter, on the second',
      JSON.stringify({ severity: 'WARNING', message: entry.message, logger: 'synapse.x', time: '2026-06-30T12:00:00Z' }),
      { ...common, request: '', timeMs: START_MS },
    ],
  ])('of %s is read', (_, line, expected) => {
    expect(parseJsonRecord(line)).toEqual(expected);
  });

  it.each([
    '',
    '{',
    '[]',
    'null',
    '1',
    '"x"',
    '{}',
    '{"log":1,"namespace":"x","level":"INFO"}',
    '{"log":"x","namespace":"x"}',
    '{"log":"x","level":"INFO"}',
    '{"log":"x","namespace":"x","level":"info"}',
    '{"log":"x","namespace":null,"level":"INFO"}',
    '{"log":"x","namespace":"x","level":"INFO"} x',
  ])('isn’t seen in %s', (line) => {
    expect(parseJsonRecord(line)).toBeNull();
  });

  it.each(['"yesterday"', 'null', '1e400', '1e300', '-1e300', '"2026-06-30 12:00:00"', '{}', 'true'])('with time %s has none', (time) => {
    expect(parseJsonRecord(`{"log":"x","namespace":"x","level":"INFO","request":7,"time":${time}}`)).toEqual({
      logger: 'x',
      level: 'INFO',
      message: 'x',
      request: '',
      timeMs: Number.NaN,
    });
  });
});
