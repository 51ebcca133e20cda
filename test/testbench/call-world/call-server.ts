/**
 * A model of Synapse's delayed events, of a homeserver that can be slow, and of what its log says. From the theory (lab-findings ops 1 to 3,
 * e2ee-evidence 4.3), not from captures. In: requests of clients, with their patience. Out: what the client gets and when; log entries; the truth.
 */
import type { Random } from '../../bench/generator/random.ts';
import { accessEntry, bannerEntries, errorEntry, type LogEntry } from '../../src/records/log-lines.ts';

export interface Client {
  readonly userId: string;
  readonly deviceId: string;
  readonly address: string;
  readonly agent: string;
}

export type Window = readonly [fromMs: number, toMs: number];
export type Action = 'restart' | 'cancel' | 'send';

/** What the client sees. `gaveUp`: its patience ended first; the server may have done it all the same. */
export interface Reply {
  readonly status: number;
  readonly atMs: number;
  readonly gaveUp: boolean;
}

interface ServerEvent {
  readonly place: string;
  readonly owner: string;
  readonly delayMs: number;
  deadlineMs: number;
  state: 'waiting' | 'fired' | 'ended' | 'replaced';
  isFound: boolean;
}

/** What a perfect reader finds. */
export interface CallTruth {
  /** Timeouts in the log, by what really was the matter; those in a stall that nobody could tell from a closed page are `undecidable`. */
  slow: number;
  healthy: number;
  undecidable: number;
  /** Events whose timer ended a membership, and whose client asked for them again. */
  drops: number;
  rateLimited: number;
  /** Devices whose client gave up on a quick server. */
  readonly impatient: Set<string>;
  /** Whose each delay id is. */
  readonly owners: Map<string, string>;
}

const ROOM = '!call:example.org';
const MEMBER = 'org.matrix.msc3401.call.member';
const BASE = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';

export class CallServer {
  readonly entries: LogEntry[] = [];
  readonly truth: CallTruth = { slow: 0, healthy: 0, undecidable: 0, drops: 0, rateLimited: 0, impatient: new Set(), owners: new Map() };
  /** The process stands still. */
  stalls: Window[] = [];
  /** The table of delayed events is locked. */
  locks: Window[] = [];
  outages: Window[] = [];
  /** Requests a second for one address, and at once: Synapse's `rc_delayed_event_mgmt`. */
  limit = { perSecond: 1, burst: 5 };
  readonly #random: Random;
  readonly #events = new Map<string, ServerEvent>();
  readonly #tokens = new Map<string, { count: number; atMs: number }>();
  /** Lost requests of each stall: one alone can't be told from a page that was closed. */
  readonly #lostInStall = new Map<Window, number>();
  #number = 0;

  constructor(random: Random, startMs: number) {
    this.#random = random;
    this.entries.push(...bannerEntries(startMs));
  }

  /** Any other request, of `ms`; it waits where the process stands still, and isn't made where there is none. */
  other(atMs: number, method: string, uri: string, client: Client, ms: number): void {
    if (this.#isDown(atMs)) return;
    const startMs = this.#wake(atMs);
    this.#answer(method, uri, client, client.userId, startMs, ms, 0, 200, false);
  }

  schedule(atMs: number, client: Client, delayMs: number, id: string): Reply {
    if (this.#isDown(atMs)) return { status: 0, atMs: atMs + 1000, gaveUp: false };
    const startMs = this.#wake(atMs);
    const doneMs = startMs + this.#quick();
    const place = this.#placeOf(client);
    this.#events.set(id, { place, owner: client.userId, delayMs, deadlineMs: doneMs + delayMs, state: 'waiting', isFound: false });
    this.truth.owners.set(id, `${client.userId} ${client.deviceId}`);
    const uri = `/_matrix/client/v3/rooms/${encodeURIComponent(ROOM)}/state/${MEMBER}/${encodeURIComponent(place)}?org.matrix.msc4140.delay=${delayMs}`;
    this.#answer('PUT', uri, client, client.userId, startMs, doneMs - startMs, 0, 200, false);
    return { status: 200, atMs: doneMs, gaveUp: false };
  }

  /** A membership event that takes effect at once; somebody else's replaces a delayed one of the same key. */
  join(atMs: number, client: Client, key: Client = client): void {
    if (this.#isDown(atMs)) return;
    const startMs = this.#wake(atMs);
    const uri = `/_matrix/client/v3/rooms/${encodeURIComponent(ROOM)}/state/${MEMBER}/${encodeURIComponent(this.#placeOf(key))}`;
    this.#answer('PUT', uri, client, client.userId, startMs, this.#quick(), 0, 200, false);
    for (const event of this.#events.values())
      if (event.state === 'waiting' && event.place === this.#placeOf(key) && event.owner !== client.userId) event.state = 'replaced';
  }

  /** @param patienceMs the client hangs up after this; @param isOldForm the action is in the body */
  manage(atMs: number, client: Client, id: string, action: Action, patienceMs: number, isOldForm = false): Reply {
    if (this.#isDown(atMs)) return { status: 0, atMs: atMs + Math.min(patienceMs, 1000), gaveUp: false };
    const uri = isOldForm ? `${BASE}/${id}` : `${BASE}/${id}/${action}`;
    const leaveMs = atMs + patienceMs;
    const stall = this.#within(this.stalls, atMs);
    const startMs = this.#wake(atMs);
    if (!this.#takeToken(client, startMs)) return this.#refuse(startMs, client, uri, leaveMs, stall);
    const lock = this.#within(this.locks, startMs);
    // What waited is done in the order in which it came.
    const doneMs = (lock === null ? startMs : lock[1]) + (stall === null && lock === null ? this.#quick() : WOKEN_MS);
    const status = this.#touch(id, action, doneMs);
    return this.#reply(client, uri, startMs, doneMs, status, leaveMs, stall, lock !== null);
  }

  /** A page that is closed: its syncs are lost with one stamp, and one request that it was just making. */
  closePage(closedMs: number, client: Client, id: string | null): void {
    // A request that waits for the lock would be another story than the one that is told here.
    if (this.#isDown(closedMs) || this.#within(this.locks, closedMs) !== null) return;
    const atMs = this.#wake(closedMs);
    const lost = (request: string): LogEntry => ({ timeMs: atMs, logger: 'synapse.http.site', level: 'INFO', request, message: LOST });
    for (let i = 0; i < 2; i++) {
      const request = `GET-${this.#number++}`;
      this.entries.push(lost(request));
      this.entries.push(
        accessEntry(
          { timeMs: atMs + 150, request },
          {
            ...fieldsOf(client),
            requester: client.userId,
            status: 499,
            isGone: true,
            proc: '9.150',
            send: '-0.150',
            uri: '/_matrix/client/v3/sync?timeout=30000',
          },
        ),
      );
    }
    if (id === null) return;
    const request = `POST-${this.#number++}`;
    this.entries.push(lost(request));
    const status = this.#touch(id, 'send', atMs);
    this.#noteImpatience(client, atMs);
    this.entries.push(
      accessEntry(
        { timeMs: atMs + 4, request },
        { ...fieldsOf(client), requester: 'None', status, isGone: true, proc: '0.006', send: '-0.003', uri: `${BASE}/${id}/send` },
      ),
    );
  }

  /** The process stands still, or requests wait for the lock. */
  isSlow(atMs: number): boolean {
    return this.#within([...this.stalls, ...this.locks], atMs) !== null;
  }

  /** The process is stopped and started again. */
  restart([fromMs, toMs]: Window): void {
    this.outages.push([fromMs, toMs]);
    this.entries.push({
      timeMs: fromMs,
      logger: 'twisted',
      level: 'INFO',
      request: 'sentinel',
      message: 'Received SIGTERM, shutting down.',
    });
    this.entries.push(...bannerEntries(toMs));
  }

  log(): readonly LogEntry[] {
    return this.entries
      .map((entry, order) => ({ entry, order }))
      .sort((a, b) => a.entry.timeMs - b.entry.timeMs || a.order - b.order)
      .map(({ entry }) => entry);
  }

  /** Settles what only the whole shows: stalls that lost one client alone. */
  finish(): CallTruth {
    for (const lost of this.#lostInStall.values())
      if (lost < 2) {
        this.truth.slow -= lost;
        this.truth.undecidable += lost;
      }
    return this.truth;
  }

  #touch(id: string, action: Action, atMs: number): number {
    const event = this.#events.get(id);
    if (event === undefined) return 404;
    const firesMs = this.#firesMs(event);
    if (event.state === 'waiting' && firesMs <= atMs) event.state = 'fired';
    if (event.state !== 'waiting') {
      if (event.state === 'fired' && !event.isFound) this.truth.drops++;
      event.isFound = true;
      return 404;
    }
    if (action === 'restart') event.deadlineMs = atMs + event.delayMs;
    else event.state = 'ended';
    return 200;
  }

  /** The timer runs on wall clock, but a process that is down, stands still or waits for a lock ends it later. */
  #firesMs({ deadlineMs }: ServerEvent): number {
    let firesMs = deadlineMs;
    for (const [fromMs, toMs] of [...this.outages, ...this.stalls, ...this.locks]) if (firesMs >= fromMs && firesMs < toMs) firesMs = toMs;
    return firesMs;
  }

  #refuse(startMs: number, client: Client, uri: string, leaveMs: number, stall: Window | null): Reply {
    this.truth.rateLimited++;
    return this.#reply(client, uri, startMs, startMs + HELD_BACK_MS, 429, leaveMs, stall, false);
  }

  #reply(
    client: Client,
    uri: string,
    startMs: number,
    doneMs: number,
    status: number,
    leaveMs: number,
    stall: Window | null,
    isLocked: boolean,
  ): Reply {
    const gaveUp = leaveMs < doneMs;
    if (gaveUp && status === 429) this.truth.rateLimited--;
    if (gaveUp) this.#noteGiveUp(client, stall === null ? startMs : leaveMs - PATIENT_MS, leaveMs, stall, isLocked);
    const request = `POST-${this.#number++}`;
    if (status === 404) this.entries.push(errorEntry({ timeMs: doneMs, request }, '404 - Delayed event not found', uri));
    if (status === 429)
      this.entries.push(errorEntry({ timeMs: startMs + 1, request }, '429 - Too Many Requests (rc_delayed_event_mgmt)', uri));
    const lostMs = Math.max(leaveMs, stall !== null && leaveMs <= startMs ? stall[1] + LOST_BEHIND_STALL_MS : leaveMs);
    if (gaveUp) this.entries.push({ timeMs: lostMs, logger: 'synapse.http.site', level: 'INFO', request, message: LOST });
    const proc = (doneMs - startMs) / 1000;
    const send = gaveUp && lostMs < doneMs ? -(doneMs - lostMs) / 1000 : 0;
    const endMs = Math.max(doneMs, gaveUp ? lostMs : 0) + 1;
    this.entries.push(
      accessEntry(
        { timeMs: endMs, request },
        {
          ...fieldsOf(client),
          requester: 'None',
          status,
          isGone: gaveUp,
          size: gaveUp ? 0 : 59,
          proc: proc.toFixed(3),
          send: send.toFixed(3),
          uri,
        },
      ),
    );
    return { status, atMs: gaveUp ? leaveMs : endMs, gaveUp };
  }

  #noteGiveUp(client: Client, atMs: number, leaveMs: number, stall: Window | null, isLocked: boolean): void {
    if (stall !== null && !isLocked) this.#lostInStall.set(stall, (this.#lostInStall.get(stall) ?? 0) + 1);
    // One that hangs up at once would have done so anyway.
    const isSlow = (stall !== null || isLocked) && leaveMs - atMs >= PATIENT_MS;
    if (isSlow) this.truth.slow++;
    else this.#noteImpatience(client, atMs);
  }

  /** Near a slow time the rule takes the minute as it was, and can't tell this one apart. */
  #noteImpatience(client: Client, atMs: number): void {
    const isNearSlowness = [...this.locks, ...this.stalls].some(([fromMs, toMs]) => atMs >= fromMs - MINUTE_MS && atMs <= toMs + MINUTE_MS);
    if (isNearSlowness) this.truth.undecidable++;
    else this.truth.healthy++;
    this.truth.impatient.add(`${client.userId} ${client.deviceId}`);
  }

  #answer(
    method: string,
    uri: string,
    client: Client,
    requester: string,
    startMs: number,
    procMs: number,
    sendMs: number,
    status: number,
    isGone: boolean,
  ): void {
    const request = `${method}-${this.#number++}`;
    this.entries.push(
      accessEntry(
        { timeMs: startMs + procMs + Math.max(0, sendMs), request },
        { ...fieldsOf(client), requester, status, isGone, proc: (procMs / 1000).toFixed(3), send: (sendMs / 1000).toFixed(3), uri },
      ),
    );
  }

  /** When a request that comes at `atMs` is read. */
  #wake(atMs: number): number {
    const stall = this.#within(this.stalls, atMs);
    return stall === null ? atMs : stall[1] + 1;
  }

  #within(windows: readonly Window[], atMs: number): Window | null {
    return windows.find(([fromMs, toMs]) => atMs >= fromMs && atMs < toMs) ?? null;
  }

  #isDown(atMs: number): boolean {
    return this.#within(this.outages, atMs) !== null;
  }

  #takeToken({ address }: Client, atMs: number): boolean {
    const bucket = this.#tokens.get(address) ?? { count: this.limit.burst, atMs };
    bucket.count = Math.min(this.limit.burst, bucket.count + ((atMs - bucket.atMs) / 1000) * this.limit.perSecond);
    bucket.atMs = Math.max(bucket.atMs, atMs);
    this.#tokens.set(address, bucket);
    if (bucket.count < 1) return false;
    bucket.count--;
    return true;
  }

  #quick(): number {
    return 2 + this.#random.int(50);
  }

  #placeOf({ userId, deviceId }: Client): string {
    return `_${userId}_${deviceId}_m.call`;
  }
}

const LOST = 'Connection from client lost before response was sent';
const HELD_BACK_MS = 501;
const WOKEN_MS = 8;
const PATIENT_MS = 1000;
/** Half of the rule's minute, and some. */
const MINUTE_MS = 36_000;
/** All lost ones are told of in one go: one stamp. */
const LOST_BEHIND_STALL_MS = 6;

function fieldsOf({ address, agent }: Client): { readonly address: string; readonly agent: string } {
  return { address, agent };
}
