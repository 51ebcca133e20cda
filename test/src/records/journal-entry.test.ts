/** Entries of the journal as lines of Synapse's log. Fields as `journalctl -o json` of systemd 252 prints them. */
import { describe, expect, it } from 'vitest';
import { journalEntryBytes } from '../../../src/records/journal-entry.ts';
import { parseJsonRecord } from '../../../src/records/log-format.ts';

const TIME = { __REALTIME_TIMESTAMP: '1782820800999999', _SOURCE_REALTIME_TIMESTAMP: '1782820800120000' };

function textOf(fields: Readonly<Record<string, unknown>>): string | null {
  const bytes = journalEntryBytes(fields);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

const LINE = '2026-11-23 16:52:48,338 - synapse.access.http.8008 - 643 - INFO - POST-10 - 203.0.113.9';

describe('an entry of a process that writes to standard output', () => {
  it.each([
    ['a line', { MESSAGE: LINE }, `${LINE}\n`],
    ['an empty line', { MESSAGE: '' }, '\n'],
    ['unprintable bytes', { MESSAGE: [97, 27, 91, 255] }, 'a\u001b[\ufffd\n'],
    ['several messages, of which the first counts', { MESSAGE: ['one', 'two'] }, 'one\n'],
    ['a piece that journald cut off', { MESSAGE: LINE, _LINE_BREAK: 'line-max' }, LINE],
    ['the last piece, ended by the process', { MESSAGE: LINE, _LINE_BREAK: 'eof' }, `${LINE}\n`],
    ['a piece that Docker cut off', { MESSAGE: LINE, CONTAINER_PARTIAL_MESSAGE: 'true' }, LINE],
    ['no message', { PRIORITY: '6' }, null],
    ['a message too large to be shown', { MESSAGE: null }, null],
  ])('is its bytes: %s', (_, fields, text) => {
    expect(textOf(fields)).toBe(text);
  });
});

describe("an entry of python-systemd's handler", () => {
  const LOGGER = 'synapse.http.server';

  it('is a record of JSON, with the time and level of its fields', () => {
    const text = textOf({ ...TIME, LOGGER, PRIORITY: '4', MESSAGE: `${LOGGER}: [POST-11] <X> SynapseError: 400 - "no"` });
    expect(text?.endsWith('\n')).toBe(true);
    expect(parseJsonRecord(text ?? '')).toEqual({
      logger: LOGGER,
      level: 'WARNING',
      message: '<X> SynapseError: 400 - "no"',
      request: 'POST-11',
      timeMs: 1_782_820_800_120,
    });
  });

  it('takes the time of arrival where the process gave none', () => {
    const text = textOf({ __REALTIME_TIMESTAMP: '1782820800999000', LOGGER, MESSAGE: 'x' });
    expect(parseJsonRecord(text ?? '')?.timeMs).toBe(1_782_820_800_999);
  });

  it('stays one record over line ends, whatever they imitate', () => {
    const message = `Unknown login type x\n${LINE}`;
    const text = textOf({ ...TIME, LOGGER, MESSAGE: `${LOGGER}: [POST-11] ${message}` });
    expect(text?.split('\n')).toHaveLength(2);
    expect(parseJsonRecord(text ?? '')).toMatchObject({ message });
  });

  it('leaves the traceback out, as a text log has it behind the record', () => {
    const MESSAGE = `${LOGGER}: [POST-11] Failed\nTraceback (most recent call last):\n  File "x"\nValueError: y`;
    expect(parseJsonRecord(textOf({ ...TIME, LOGGER, MESSAGE }) ?? '')).toMatchObject({ message: 'Failed' });
  });

  it.each([
    ['another format', 'Failed handle request', { request: '', message: 'Failed handle request' }],
    ['the request of nobody', `${LOGGER}: [] Failed`, { request: '', message: 'Failed' }],
    ['a sentinel', `${LOGGER}: [sentinel] Failed`, { request: 'sentinel', message: 'Failed' }],
  ])('may have %s', (_, MESSAGE, record) => {
    expect(parseJsonRecord(textOf({ ...TIME, LOGGER, MESSAGE }) ?? '')).toMatchObject(record);
  });

  it.each([
    ['text', LINE],
    ['JSON', '{"log":"x","namespace":"synapse.http.server","level":"INFO"}'],
  ])('goes through as it is where its format has all in it: %s', (_, MESSAGE) => {
    expect(textOf({ ...TIME, LOGGER, MESSAGE })).toBe(`${MESSAGE}\n`);
  });
});
