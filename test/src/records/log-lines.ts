/**
 * A homeserver's log as data, and the layouts in which it can be written. In: entries (one a record). Out: the text or JSON lines that Synapse, or the
 * transport between it and us, would have written. Forms: synapse-log-lines.md 1, 3, 7.
 */
export interface LogEntry {
  readonly timeMs: number;
  readonly logger: string;
  readonly level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';
  readonly request: string;
  readonly message: string;
  /** Lines that the formatter appends; JSON logs don't have them. */
  readonly traceback?: string;
  readonly lineNumber?: number;
}

export const START_MS = Date.UTC(2026, 5, 30, 12, 0, 0, 0);

/** `2026-06-30 12:00:00,123`, in UTC. */
export function asctime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23);
}

/** `… - INFO - `, up to the request. */
function head({ timeMs, logger, lineNumber = 643, level }: LogEntry): string {
  return `${asctime(timeMs)} - ${logger} - ${lineNumber} - ${level} - `;
}

function body({ message, traceback }: LogEntry): string {
  return traceback === undefined ? message : `${message}\n${traceback}`;
}

/** Each physical line behind what a transport puts there. */
function prefixed(text: string, prefix: string): string {
  return text.replace(/^/gm, () => prefix);
}

function precise(entry: LogEntry): string {
  return `${head(entry)}${entry.request} - ${body(entry)}`;
}

const iso = (timeMs: number) => new Date(timeMs).toISOString();

/** Every layout that is read. Each function gives one record, without the last newline. */
export const LAYOUTS = {
  precise,
  'request with a trailing dash': (entry) => `${head(entry)}${entry.request}- ${body(entry)}`,
  'server name': (entry) => `${head(entry)}hs.example.org - ${entry.request} - ${body(entry)}`,
  'docker timestamps': (entry) => prefixed(precise(entry), `${iso(entry.timeMs).slice(0, -1)}708468Z `),
  'compose name': (entry) => prefixed(precise(entry), 'synapse-1   | '),
  'compose name and timestamps': (entry) => prefixed(precise(entry), `synapse-1  | ${iso(entry.timeMs).slice(0, -1)}708468Z `),
  'worker name on the first line': (entry) => `generic_worker1 | ${precise(entry)}`,
  journal: (entry) => prefixed(precise(entry), `${iso(entry.timeMs).slice(0, 19)}+00:00 matrix-1 matrix-synapse[4242]: `),
  syslog: (entry) => prefixed(precise(entry), 'Nov 23 16:52:48 matrix-1 matrix-synapse[4242]: '),
  "a terminal's line ends": (entry) => `${precise(entry).replaceAll('\n', '\r\n')}\r`,
  'JSON, terse': (entry) => json(entry, { time: Math.round(entry.timeMs / 10) / 100 }),
  'JSON without time': (entry) => json(entry, {}),
  'JSON behind docker timestamps': (entry) =>
    `${iso(entry.timeMs).slice(0, -1)}708468Z ${json(entry, { time: Math.round(entry.timeMs / 10) / 100 })}`,
} satisfies Record<string, (entry: LogEntry) => string>;
export type Layout = keyof typeof LAYOUTS;

/** What container engines put around each line. */
const ENVELOPES = {
  'Docker’s': (line, timeMs) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: iso(timeMs) }),
  'Docker’s, with a terminal': (line, timeMs) => JSON.stringify({ log: `${line}\r\n`, stream: 'stdout', time: iso(timeMs) }),
  'Kubernetes’': (line, timeMs) => `${iso(timeMs)} stderr F ${line}`,
  'Kubernetes’, in pieces': (line, timeMs) =>
    (line.match(/.{1,50}/gsu) ?? [''])
      .map((piece, index, pieces) => `${iso(timeMs)} stdout ${index === pieces.length - 1 ? 'F' : 'P'} ${piece}`)
      .join('\n'),
  'the journal’s': (line, timeMs) =>
    JSON.stringify({ __CURSOR: 's=0', __REALTIME_TIMESTAMP: `${timeMs}000`, PRIORITY: '6', _PID: '4242', MESSAGE: line }),
} satisfies Record<string, (line: string, timeMs: number) => string>;
export type Envelope = keyof typeof ENVELOPES;
export const ALL_ENVELOPES = Object.keys(ENVELOPES) as Envelope[];

/** The log as a container engine keeps it. */
export function renderEnveloped(entries: readonly LogEntry[], envelope: Envelope, layout: Layout = 'precise'): string {
  return entries
    .flatMap((entry) =>
      LAYOUTS[layout](entry)
        .split('\n')
        .map((line) => `${ENVELOPES[envelope](line, entry.timeMs)}\n`),
    )
    .join('');
}

function json({ logger, level, request, message }: LogEntry, more: object): string {
  return JSON.stringify({ log: message, namespace: logger, level, ...more, server_name: 'hs.example.org', request });
}

export function renderLog(entries: readonly LogEntry[], layout: Layout = 'precise'): string {
  return entries.map((entry) => `${LAYOUTS[layout](entry)}\n`).join('');
}

export interface AccessFields {
  readonly address?: string;
  readonly site?: string;
  readonly requester?: string;
  readonly proc?: string;
  readonly send?: string;
  readonly usage?: string;
  readonly size?: number;
  readonly status?: number;
  readonly isGone?: boolean;
  readonly method?: string;
  readonly uri?: string;
  readonly protocol?: string;
  readonly agent?: string;
  readonly events?: number;
}

export const USAGE = 'ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4)';
/** Before 1.150. */
export const OLD_USAGE = '(0.012sec, 0.002sec) (0.046sec/0.053sec/12)';

export function accessMessage(fields: AccessFields = {}): string {
  const {
    address = '203.0.113.7',
    site = '8008',
    requester = '@alice:example.org',
    proc = '0.012',
    send = '0.001',
    usage = USAGE,
  } = fields;
  const { size = 525, status = 200, isGone = false, method = 'GET', uri = '/_matrix/client/v3/sync', protocol = 'HTTP/1.1' } = fields;
  const { agent = 'Mozilla/5.0 (X11; Linux x86_64) Element/1.11.105', events = 0 } = fields;
  const answer = `${size}B ${status}${isGone ? '!' : ''} "${method} ${uri} ${protocol}" "${agent}" [${events} dbevts]`;
  return `${address} - ${site} - {${requester}} Processed request: ${proc}sec/${send}sec ${usage} ${answer}`;
}

export const ACCESS_LOGGER = 'synapse.access.http.8008';
const KEYS_LOGGER = 'synapse.handlers.e2e_keys';
const SERVER_LOGGER = 'synapse.http.server';
export const TO_DEVICE_LOGGER = 'synapse.9533_debug';

type Head = Pick<LogEntry, 'timeMs' | 'request'>;

/** An access line; the method is the request id's. */
export function accessEntry({ timeMs, request }: Head, fields: AccessFields): LogEntry {
  const method = /^[A-Z]+/.exec(request)?.[0] ?? 'GET';
  return { timeMs, request, logger: ACCESS_LOGGER, level: 'INFO', message: accessMessage({ method, ...fields }) };
}

/** Python's repr of a str (unicode_repr in CPython's Objects/unicodeobject.c), for what the tests write: quotes, backslash, line ends, C0, DEL. */
export function pythonRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === quote || char === '\\') out += `\\${char}`;
    else if (char === '\n') out += '\\n';
    else if (char === '\r') out += '\\r';
    else if (char === '\t') out += '\\t';
    else if (code < 0x20 || (code >= 0x7f && code < 0xa1) || code === 0xad) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (/[\p{C}\p{Z}]/u.test(char) && char !== ' ')
      out += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    else out += char;
  }
  return `${quote}${out}${quote}`;
}

function pythonList(texts: readonly (string | null)[]): string {
  return `[${texts.map((text) => (text === null ? 'None' : pythonRepr(text))).join(', ')}]`;
}

export interface DeviceName {
  readonly userId: string;
  readonly deviceId: string;
}

export function offerEntry({ timeMs, request }: Head, { userId, deviceId }: DeviceName, keyIds: readonly string[]): LogEntry {
  const message = `Adding one_time_keys dict_keys(${pythonList(keyIds)}) for device ${pythonRepr(deviceId)} for user ${pythonRepr(userId)} at ${timeMs}`;
  return { timeMs, request, logger: KEYS_LOGGER, level: 'INFO', message };
}

export function deviceKeysEntry({ timeMs, request }: Head, { userId, deviceId }: DeviceName): LogEntry {
  const message = `Updating device_keys for device ${pythonRepr(deviceId)} for user ${userId} at ${timeMs}`;
  return { timeMs, request, logger: KEYS_LOGGER, level: 'INFO', message };
}

/** `<XForwardedForRequest at 0x… method='POST' …> SynapseError: …`. */
export function errorEntry({ timeMs, request }: Head, error: string, uri: string): LogEntry {
  const method = /^[A-Z]+/.exec(request)?.[0] ?? 'POST';
  const repr = `<XForwardedForRequest at 0x7fb1615b1690 method='${method}' uri=${pythonRepr(uri)} clientproto='HTTP/1.1' site='8008'>`;
  return { timeMs, request, logger: SERVER_LOGGER, level: 'INFO', message: `${repr} SynapseError: ${error}` };
}

/** A signed key as canonical JSON, the way the server keeps it. */
export function signedKey(key: string, { userId, deviceId }: DeviceName): string {
  return JSON.stringify({ key, signatures: { [userId]: { [`ed25519:${deviceId}`]: 'dSO80A01XiigH3uBiDVx' } } });
}

export const UPLOAD_URI = '/_matrix/client/v3/keys/upload';

export function refusalEntry(
  at: Head,
  keyId: string,
  { oldKey, newKey, uri = UPLOAD_URI }: { readonly oldKey: string; readonly newKey: string; readonly uri?: string },
): LogEntry {
  return errorEntry(at, `400 - One time key ${keyId} already exists. Old key: ${oldKey}; new key: ${newKey}`, uri);
}

export function claimEntry({ timeMs, request }: Head, claims: readonly (DeviceName & { readonly keyId: string })[]): LogEntry {
  const items = claims.map(({ keyId, userId, deviceId }) => `${keyId} for ${userId}:${deviceId}`);
  return { timeMs, request, logger: KEYS_LOGGER, level: 'INFO', message: `Claimed one-time-keys: ${items.join(',')}` };
}

export interface ToDeviceEntry extends DeviceName {
  readonly messageId: string;
}

export function messagesEntry({ timeMs, request }: Head, stage: 'stored' | 'dropped', messages: readonly ToDeviceEntry[]): LogEntry {
  const words = stage === 'stored' ? 'Storing to-device messages with stream_id 1042' : 'Dropping to-device messages for unknown devices';
  const items = messages.map(({ userId, deviceId, messageId }) => `${userId}/${deviceId} (msgid ${messageId})`);
  return { timeMs, request, logger: TO_DEVICE_LOGGER, level: 'DEBUG', message: `${words}: ${pythonList(items)}` };
}

export function returnEntry({ timeMs, request }: Head, messageIds: readonly (string | null)[]): LogEntry {
  const message = `Returning to-device messages with stream_ids (1041, 1042]; now: 1042; msgids: ${pythonList(messageIds)}`;
  return { timeMs, request, logger: TO_DEVICE_LOGGER, level: 'DEBUG', message };
}

export function syncEntry({ timeMs, request }: Head, { userId, deviceId }: DeviceName): LogEntry {
  const message = `/sync: user=${userId}, timeout=30000, since='s500_12_0_77_9_4_1041_88_1', set_presence='online', filter_id=None, device_id=${pythonRepr(deviceId)}`;
  return { timeMs, request, logger: 'synapse.rest.client.sync', level: 'DEBUG', message };
}

const STARTUP = { logger: 'synapse.config.logger', request: 'main' } as const;

/** The first lines that a process writes. */
export function bannerEntries(timeMs: number): LogEntry[] {
  return [
    { ...STARTUP, timeMs, level: 'WARNING', lineNumber: 377, message: '***** STARTING SERVER *****' },
    {
      ...STARTUP,
      timeMs,
      level: 'WARNING',
      lineNumber: 378,
      message: 'Server /usr/lib/python3/dist-packages/synapse/app/homeserver.py version 1.155.0',
    },
    { ...STARTUP, timeMs, level: 'INFO', lineNumber: 387, message: 'Server hostname: example.org' },
  ];
}

export const TRACEBACK = `Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/synapse/http/server.py", line 306, in _async_render_wrapper
    callback_return = await self._async_render(request)
RuntimeError: it's broken`;
