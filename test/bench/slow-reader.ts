/**
 * In: the text of a generated log. Out: the truth that a slow, plain reader finds in it: regular expressions on whole records, maps for
 * the joins, no bound and no speed.
 *
 * Invariant: it knows nothing of how the generator counts; it shares only the shape of the result. Rules are contract.md's, patterns
 * those of reference/synapse-log-lines.md.
 */
import {
  BOUNDS_MS,
  DEVICE_COLUMNS,
  type DelayedAction,
  emptyTruth,
  type Profile,
  type RequestClass,
  type Truth,
} from './generator/truth.ts';

// 2026-06-30 12:00:00,123 - synapse.http.server - 131 - INFO - POST-7 - message
const HEAD = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (\S+) - \d+ - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - (\S*) - (.*)$/s;
const ACCESS = new RegExp(
  String.raw`^(?:[0-9A-Fa-f.:]+) - \S+ - \{(?<who>[^{}\s]*)\} Processed request: (?<proc>\d+\.\d{3})sec/(?<send>-?\d+\.\d{3})sec ` +
    String.raw`ru=\(\d+\.\d{3}sec, \d+\.\d{3}sec\) db=\(\d+\.\d{3}sec/\d+\.\d{3}sec/\d+\) \d+B (?<status>\d{3})(?<lost>!?) ` +
    String.raw`"(?<method>\S+) (?<uri>\S+) HTTP/1\.[01]" "(?<agent>.*)" \[\d+ dbevts\]$`,
  's',
);
const CLASSES: readonly (readonly [RequestClass, RegExp])[] = [
  ['keys_upload', /^\/_matrix\/client\/(r0|v3|unstable)\/keys\/upload(\/[^/]+)?$/],
  ['keys_claim', /^\/_matrix\/client\/(r0|v3|unstable)\/keys\/claim$/],
  ['keys_query', /^\/_matrix\/client\/(r0|v3|unstable)\/keys\/query$/],
  ['send_to_device', /^\/_matrix\/client\/(r0|v3|unstable)\/sendToDevice\/[^/]*\/[^/]*$/],
  ['delayed_events', /^\/_matrix\/client\/unstable\/org\.matrix\.msc4140\/delayed_events(\/[^/]+(\/(restart|cancel|send))?)?$/],
  ['sync', /^\/_matrix\/client\/(v3|unstable\/org\.matrix\.simplified_msc3575)\/sync$/],
];
const ADDING = /^Adding one_time_keys dict_keys\(\[(?<ids>.*)\]\) for device '(?<device>[^']*)' for user '(?<user>[^']*)' at \d+$/;
const UPDATING = /^Updating device_keys for device '(?<device>[^']*)' for user (?<user>\S+) at \d+$/;
const REFUSED = /^<.*?> SynapseError: 400 - One time key (?<id>[^:]*:[^:]*) already exists\. Old key: (?<old>.*); new key: (?<new>.*)$/s;
const SIGNER = /"signatures":\{"(?<user>[^"]+)":\{"ed25519:(?<device>[^"]+)"/;
const PYTHON_TEXT = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g;
const KINDS: readonly (readonly [string, RegExp])[] = [
  ['storing', /^Storing /],
  ['persisted', /^stream_id=\d+ now persisted/],
  ['awaking', /^to-device messages stream id/],
  ['returning', /^Returning /],
  ['queued_outgoing', /^Queued outgoing/],
  ['sending', /^Sending \d+ to-device/],
  ['dropping_unknown', /^Dropping to-device messages for unknown devices: /],
  ['dropping_wildcard', /^Dropping wildcard/],
];

interface Upload {
  adding?: string;
  updating?: string;
  signer?: string;
  isRefused: boolean;
}

/** `text`: the whole log, as UTF-8 text. `seed` and `profile` are copied into the result, as they can't be read from a log. */
export function readSlowly(text: string, seed: number, profile: Profile): Truth {
  const truth = emptyTruth(seed, profile);
  const reader = new SlowReader(truth);
  const lines = text.slice(0, -1).split('\n');
  let held: string[] = [];
  for (const line of lines) {
    if (HEAD.test(line) && held.length > 0) {
      reader.record(held.join('\n'));
      held = [];
    }
    held.push(line);
  }
  reader.record(held.join('\n'));
  reader.finish();
  truth.bytes = Buffer.byteLength(text);
  truth.lines = truth.contract.lines = lines.length;
  truth.continuation_lines = lines.length - truth.records;
  truth.max_line_bytes = Math.max(...lines.map((line) => Buffer.byteLength(line)));
  return truth;
}

class SlowReader {
  readonly #truth: Truth;
  readonly #uploads = new Map<string, Upload>();
  readonly #requesters = new Map<string, string>();
  readonly #deviceOfUser = new Map<string, string>();
  readonly #deviceOfMessage = new Map<string, string>();
  readonly #returned: { requestId: string; messageIds: string[] }[] = [];
  readonly #addingDevices = new Set<string>();
  readonly #keyIds = new Map<string, Set<string>>();
  readonly #newKeys = new Map<string, Set<string>>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  record(text: string): void {
    const match = HEAD.exec(text);
    if (!match) throw new Error(`Not a record: ${text.slice(0, 200)}`);
    const [, logger = '', level = '', requestId = '', message = ''] = match;
    this.#truth.records++;
    add(this.#truth.by_level, level);
    if (/[^\0-\x7f]/.test(text)) this.#truth.non_ascii_lines++;
    if (logger.startsWith('synapse.access.')) this.#access(requestId, message);
    else if (logger === 'synapse.handlers.e2e_keys') this.#keys(requestId, message);
    else if (logger === 'synapse.http.server') this.#refusal(requestId, message);
    else if (logger === 'synapse.9533_debug') this.#toDevice(requestId, message);
  }

  #upload(requestId: string): Upload {
    const upload = this.#uploads.get(requestId) ?? { isRefused: false };
    this.#uploads.set(requestId, upload);
    return upload;
  }

  #keys(requestId: string, message: string): void {
    const { keys } = this.#truth;
    const adding = ADDING.exec(message)?.groups;
    const updating = UPDATING.exec(message)?.groups;
    if (adding) {
      const device = `${adding['user']}|${adding['device']}`;
      this.#upload(requestId).adding = device;
      this.#addingDevices.add(device);
      keys.adding_lines++;
      keys.adding_keys += adding['ids']?.match(PYTHON_TEXT)?.length ?? 0;
    } else if (updating) {
      this.#upload(requestId).updating = `${updating['user']}|${updating['device']}`;
      keys.device_keys_updates++;
    } else if (message.startsWith('Claimed one-time-keys: ')) {
      const claims = message.slice('Claimed one-time-keys: '.length).split(',');
      keys.claimed_lines++;
      keys.claimed_keys += claims.length;
      for (const claim of claims) this.#count(claim.replace(/^\S+ for (.*):([^:]*)$/, '$1|$2'), 'claims');
    }
  }

  #refusal(requestId: string, message: string): void {
    const refusal = REFUSED.exec(message)?.groups;
    if (!refusal) return;
    const { keys, contract } = this.#truth;
    const upload = this.#upload(requestId);
    upload.isRefused = true;
    const signer = SIGNER.exec(refusal['old'] ?? '')?.groups;
    if (signer) upload.signer = `${signer['user']}|${signer['device']}`;
    keys.conflict_lines++;
    contract.conflicts++;
    if (upload.adding !== undefined) keys.conflict_joined++;
    const device = deviceOf(upload);
    if (device === undefined) {
      contract.unattributed.conflicts++;
      return;
    }
    this.#count(device, 'refusals');
    put(this.#keyIds, device, refusal['id'] ?? '');
    put(this.#newKeys, device, refusal['new'] ?? '');
  }

  #access(requestId: string, message: string): void {
    const { access, contract } = this.#truth;
    const line = ACCESS.exec(message)?.groups;
    if (!line) {
      if (!/ - Received request: /.test(message)) throw new Error(`Not an access line: ${message}`);
      access.received++;
      return;
    }
    const { who = '', proc = '', send = '', status: statusText = '', method = '', uri = '' } = line;
    const ms = Math.round(Number(proc) * 1000);
    const status = Number(statusText);
    const isGone = line['lost'] === '!' || status === 499;
    const path = uri.split('?')[0] as string;
    const requestClass = CLASSES.find(([, pattern]) => pattern.test(path))?.[0] ?? 'other';
    const bucket = [...BOUNDS_MS, Number.POSITIVE_INFINITY].findIndex((bound) => ms <= bound);
    const ofClass = access.by_class[requestClass];
    this.#requesters.set(requestId, who);
    access.processed++;
    access.disconnected += line['lost'] === '!' ? 1 : 0;
    access.negative_send += send.startsWith('-') ? 1 : 0;
    for (const counts of [access, ofClass]) {
      add(counts.by_status, status);
      counts.sum_ms += ms;
      counts.hist[bucket] = (counts.hist[bucket] as number) + 1;
    }
    ofClass.count++;
    contract.accessLines++;
    if (requestClass !== 'sync') {
      contract.requestDuration.count++;
      contract.requestDuration.sum_ms += ms;
      contract.requestDuration.buckets[bucket] = (contract.requestDuration.buckets[bucket] as number) + 1;
    }
    if (requestClass === 'keys_upload') this.#uploadOutcome(this.#upload(requestId), status, isGone);
    if (requestClass === 'send_to_device' && method === 'PUT') this.#send(path, status);
    this.#delayed(method, uri, path, status, isGone);
  }

  #uploadOutcome(upload: Upload, status: number, isGone: boolean): void {
    const device = deviceOf(upload);
    const outcome = upload.isRefused
      ? 'conflict'
      : isGone
        ? 'clientGaveUp'
        : status === 200
          ? 'accepted'
          : status >= 500
            ? 'failed'
            : 'rejected';
    if (outcome === 'accepted' && upload.adding === undefined) return;
    if (device !== undefined) this.#count(device, outcome);
    else if (outcome !== 'conflict' && outcome !== 'accepted') this.#truth.contract.unattributed[outcome]++;
  }

  #send(path: string, status: number): void {
    const [type = '', txn = ''] = path.split('/').slice(-2).map(decodeURIComponent);
    const { toDevice } = this.#truth.contract;
    if (status < 200 || status > 299) toDevice.sendsFailed++;
    else {
      add(toDevice.sends, type);
      if (type === 'm.room.encrypted' && /^m\d{13}\.\d+$/.test(txn)) toDevice.mediaKeySends++;
    }
  }

  #delayed(method: string, uri: string, path: string, status: number, isGone: boolean): void {
    const action = delayedAction(method, uri, path);
    if (action === undefined) return;
    const isOk = status >= 200 && status < 300;
    const outcome = isGone ? 'clientGaveUp' : status === 429 ? 'rateLimited' : status === 404 ? 'notFound' : isOk ? 'ok' : 'failed';
    add(this.#truth.contract.delayedEvents.requests[action], outcome);
  }

  #toDevice(requestId: string, message: string): void {
    const kind = KINDS.find(([, pattern]) => pattern.test(message))?.[0];
    if (kind === undefined) throw new Error(`Unknown to-device record: ${message}`);
    add(this.#truth.to_device, kind);
    const list = message.slice(message.indexOf('[') + 1, -1);
    if (kind === 'storing' || kind === 'dropping_unknown') this.#entries(kind === 'storing' ? 'stored' : 'dropped', list);
    if (kind !== 'returning') return;
    const messageIds = (message.split('msgids: [')[1] as string).slice(0, -1).split(', ');
    this.#truth.contract.toDevice.returned += messageIds.length;
    this.#returned.push({ requestId, messageIds: messageIds.map((id) => id.replaceAll("'", '')) });
  }

  #entries(stage: 'stored' | 'dropped', list: string): void {
    for (const entry of list.split(', ')) {
      const parts = /^'(?<user>[^/]+)\/(?<device>\S+) \(msgid (?<id>\S*)\)'$/.exec(entry)?.groups;
      if (!parts) throw new Error(`Unknown entry: ${entry}`);
      const device = `${parts['user']}|${parts['device']}`;
      this.#truth.contract.toDevice[stage]++;
      this.#count(device, stage);
      if (stage === 'dropped') continue;
      this.#deviceOfUser.set(parts['user'] ?? '', device);
      this.#deviceOfMessage.set(parts['id'] ?? '', device);
    }
  }

  finish(): void {
    // The device of what was returned: from the requester (everyone has one device here), or the messages, if the access line is cut off.
    for (const { requestId, messageIds } of this.#returned) {
      const known = this.#deviceOfUser.get(this.#requesters.get(requestId) ?? '') ?? this.#deviceOfMessage.get(messageIds[0] ?? '');
      if (known === undefined) throw new Error(`No device for ${requestId}`);
      for (const _ of messageIds) this.#count(known, 'returned');
    }
    const { keys, contract, records } = this.#truth;
    contract.records = records;
    keys.adding_devices = this.#addingDevices.size;
    keys.conflict_devices = this.#keyIds.size;
    for (const [device, ids] of this.#keyIds) {
      contract.conflictKeyIds[device] = [...ids].sort();
      keys.conflict_key_ids += ids.size;
    }
    for (const [device, texts] of this.#newKeys) for (const _ of texts) this.#count(device, 'distinctNewKeys');
  }

  #count(device: string, column: (typeof DEVICE_COLUMNS)[number]): void {
    const { devices } = this.#truth.contract;
    const row = devices[device] ?? DEVICE_COLUMNS.map(() => 0);
    const index = DEVICE_COLUMNS.indexOf(column);
    row[index] = (row[index] as number) + 1;
    devices[device] = row;
  }
}

function delayedAction(method: string, uri: string, path: string): DelayedAction | undefined {
  const isEvent = /^\/_matrix\/client\/(r0|v3)\/rooms\/[^/]+\/(send\/[^/]+\/[^/]+|state\/[^/]+\/[^/]*)$/.test(path);
  if (method === 'PUT' && isEvent) return /[?&]org\.matrix\.msc4140\.delay=/.test(uri) ? 'schedule' : undefined;
  const action = /^\/_matrix\/client\/unstable\/org\.matrix\.msc4140\/delayed_events\/[^/]+(?:\/(restart|cancel|send))?$/.exec(path);
  if (method !== 'POST' || !action) return undefined;
  return (action[1] as DelayedAction | undefined) ?? 'unknown';
}

const deviceOf = (upload: Upload): string | undefined => upload.adding ?? upload.updating ?? upload.signer;

function add(counts: Record<string, number>, key: string | number): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function put(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
}
