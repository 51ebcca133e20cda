/** The access line: what Synapse writes at the end of each request (synapse-log-lines.md 3.1), and what clients can do to it. */
import { describe, expect, it } from 'vitest';
import { AccessLine } from '../../../src/records/access-line.ts';
import { accessMessage, OLD_USAGE } from './log-lines.ts';

/** Parses `message` standing alone between newlines, or followed by `behind`. */
function parse(message: string, behind = ''): AccessLine | null {
  const bytes = Buffer.from(`${message}\n${behind}`);
  const line = new AccessLine();
  return line.parse(bytes, 0) ? line : null;
}

function read(message: string) {
  const bytes = Buffer.from(`${message}\n`);
  const line = new AccessLine();
  if (!line.parse(bytes, 0)) return null;
  const { procMs, sendMs, sizeBytes, status, isClientGone } = line;
  const method = bytes.toString('latin1', line.methodStart, line.uriStart - 1);
  const requester = bytes.toString('utf8', line.findRequester(bytes), line.headEnd);
  const uri = /^\S*/.exec(bytes.toString('utf8', line.uriStart))?.[0];
  return { requester, procMs, sendMs, sizeBytes, status, isClientGone, method, uri, end: line.end === bytes.length - 1 };
}

describe('an access line', () => {
  it('gives who asked, how long it took, what was answered, and what was asked for', () => {
    expect(read(accessMessage({ status: 400, method: 'POST', uri: '/_matrix/client/v3/keys/upload' }))).toEqual({
      requester: '@alice:example.org',
      procMs: 12,
      sendMs: 1,
      sizeBytes: 525,
      status: 400,
      isClientGone: false,
      method: 'POST',
      uri: '/_matrix/client/v3/keys/upload',
      end: true,
    });
  });

  it.each([
    [
      'a client that left before the handler ended',
      { proc: '1.001', send: '-0.702', size: 0, isGone: true },
      { procMs: 1001, sendMs: -702, status: 200, isClientGone: true },
    ],
    ['a client that left, with a positive send time', { send: '0.001', size: 0, isGone: true }, { sendMs: 1, isClientGone: true }],
    [
      'a cancelled handler',
      { proc: '22.165', send: '-19.036', status: 499, isGone: true },
      { procMs: 22_165, sendMs: -19_036, status: 499, isClientGone: true },
    ],
    ['a 499 without a mark', { status: 499 }, { status: 499, isClientGone: false }],
    ['a send time just below zero', { send: '-0.000' }, { sendMs: 0 }],
    ['a request of many hours', { proc: '86400.123' }, { procMs: 86_400_123 }],
    [
      'a rate-limited request whose client left',
      { status: 429, isGone: true, proc: '0.503' },
      { status: 429, isClientGone: true, procMs: 503 },
    ],
    ['the layout before 1.150', { usage: OLD_USAGE }, { procMs: 12, status: 200 }],
    ['the layout before 1.150 with long numbers', { usage: '(10.012sec, 102.002sec) (120.046sec/1000.053sec/12345)' }, { status: 200 }],
    ['long numbers', { usage: 'ru=(10.012sec, 102.002sec) db=(120.046sec/1000.053sec/12345)' }, { status: 200 }],
    ['CPU times that went back', { usage: 'ru=(-0.002sec, 0.000sec) db=(-0.001sec/0.006sec/4)' }, { status: 200 }],
    ['no answer in bytes', { size: 0 }, { sizeBytes: 0 }],
    ['an answer of gigabytes', { size: 98_765_432_101 }, { sizeBytes: 98_765_432_101 }],
    ['thousands of events', { events: 12_345 }, { status: 200 }],
  ])('of %s is read', (_, fields, expected) => {
    expect(read(accessMessage(fields))).toMatchObject({ ...expected, end: true });
  });

  it.each([
    ['nobody', 'None'],
    ['an appservice for its user', '@bot:example.org|@ghost:example.org'],
    ['a server', 'matrix.remote.example:8448'],
    ['a user with letters beyond ASCII', '@zoë:example.org'],
  ])('of %s names the requester', (_, requester) => {
    expect(read(accessMessage({ requester }))?.requester).toBe(requester);
  });

  it.each([
    ['quotes and braces in the URI', { uri: '/x?a="b"{c}}"200"' }],
    ['a URI that imitates the answer', { uri: '/x"200"[0' }],
    ['quotes in the user agent', { agent: 'Mozilla "5.0" (x) "y' }],
    ['an empty user agent', { agent: '-' }],
    ['tabs and control characters in the user agent', { agent: 'a\tb\u001b[31mc\u000b\u007f' }],
    ['bytes that are no characters in the user agent', { agent: '�� 😀' }],
    ['a user agent of 10 KiB', { agent: 'x'.repeat(10_240) }],
    ['a user agent that ends like a line', { agent: 'x" [0 dbevts]' }],
    [
      'a user agent that is a whole access line',
      { agent: accessMessage({ requester: '@victim:example.org', status: 500, agent: 'inner' }) },
    ],
    ['a URI of a unix socket’s listener', { address: '/run/synapse/main.sock', site: 'unix' }],
    ['an IPv6 address', { address: '2001:db8::1' }],
    ['an address with braces', { address: '{x} {y}' }],
    ['an old protocol', { protocol: 'HTTP/1.0' }],
  ])('with %s is read like any other', (_, fields) => {
    const expected = {
      requester: '@alice:example.org',
      status: 403,
      procMs: 12,
      method: 'GET',
      uri: 'uri' in fields ? fields.uri : '/y',
      end: true,
    };
    expect(read(accessMessage({ uri: '/y', status: 403, ...fields }))).toMatchObject(expected);
  });
});

describe('an address that a client made up (X-Forwarded-For)', () => {
  const HEAD = '203.0.113.7 - 8008 - {@victim:example.org} Processed request: ';

  it.each([
    ['the head of a line', HEAD],
    ['a line up to the first comma, which cannot be forged', `${HEAD}0.001sec/0.001sec ru=(0.002sec`],
    ['several heads', HEAD.repeat(5)],
    ['a few braces', '}'.repeat(5)],
    ['more braces than anybody counts', '} '.repeat(500)],
    ['more heads than anybody counts', HEAD.repeat(100)],
  ])('can hold %s without being believed', (_, address) => {
    expect(read(accessMessage({ address, status: 401 }))).toMatchObject({
      requester: '@alice:example.org',
      status: 401,
      procMs: 12,
      end: true,
    });
  });

  it('that is a whole line is taken for one: the leftmost head whose rest is whole', () => {
    // Possible only where a proxy lets a comma through; then two readings exist, and the fixed rule is the leftmost.
    const address = accessMessage({ requester: '@victim:example.org', status: 500 });
    expect(read(accessMessage({ address, status: 200 }))).toMatchObject({ requester: '@victim:example.org', status: 500, end: true });
  });
});

describe('what is no access line', () => {
  const good = accessMessage();

  it.each([
    ['an empty message', ''],
    ['another message', 'Stopping a listener'],
    ['a cut one', good.slice(0, -1)],
    ['one with more behind it', `${good} `],
    ['one without a head', good.slice(good.indexOf('}') + 1)],
    ['one of a task', "Task x: 0.001sec (0.000sec, 0.000sec) (0.000sec/0.000sec/0) [0 dbevts] 'a', 'b'"],
    ['one with a status of two digits', good.replace('525B 200', '525B 20')],
    ['one with a status of four digits', good.replace('525B 200', '525B 2000')],
    ['one without a status', good.replace('525B 200', '525B  ')],
    ['one without a size', good.replace('525B 200', 'B 200')],
    ['one whose mark stands before the status', good.replace('525B 200', '525B !200')],
    ['one without the handler time', good.replace('0.012sec/', '/')],
    ['one with a handler time in other digits', good.replace('0.012sec', '0.01sec')],
    ['one with two minus signs', good.replace('0.012sec', '--0.012sec')],
  ])('is refused: %s', (_, message) => {
    expect(parse(message)).toBeNull();
  });

  it.each([
    ['no brace', 'Stopping a listener'],
    ['an unfinished head', '203.0.113.7 - 8008 - {@alice:example.org'],
    ['a whole head and no more', '203.0.113.7 - 8008 - {@alice:example.org} Processed request: '],
    ['half a line', good.slice(0, 120)],
    ['the end of a line', 'x" [0 dbevts]'],
    ['the end of a line, and a head', '1 - 2 - {x} Processed request: " [0 dbevts]'],
  ])('is not completed from the next line: %s', (_, message) => {
    expect(parse(message, `2026-06-30 12:00:00,123 - synapse.access.http.8008 - 643 - INFO - GET-2 - ${good}\n`)).toBeNull();
  });
});

describe('the line that Synapse writes when a request begins', () => {
  const isReceived = (message: string) => new AccessLine().isReceivedLine(Buffer.from(`${message}\nx - y - Received request: z\n`), 0);

  it.each([
    ['203.0.113.7 - 8008 - Received request: GET /_matrix/client/v3/sync', true],
    ['/run/synapse/main.sock - unix - Received request: GET /x', true],
    [good(), false],
    ['x', false],
    ['', false],
    ['203.0.113.7 - 8008 - received request: GET /x', false],
  ])('is told from others: %s', (message, expected) => {
    expect(isReceived(message)).toBe(expected);
  });

  function good(): string {
    return accessMessage();
  }
});
