/**
 * Starts of the homeserver, and whether one of them began with an older database. In: the process's events, keys handed out again after a
 * start. Out: the restore, and which devices it concerns.
 *
 * A client's token that is ahead of the database shows at its first /sync: ERROR `Bounding token from the future` (lab-findings 14). Several users'
 * behind one start mean that the database is older than its clients. Older Synapses don't say so; there, ids of several devices that are
 * handed out again though the server should have held others make it likely.
 */
import type { Level } from '../certainty.ts';
import type { ServerEvent } from '../facts/fact.ts';
import type { DeviceTally } from './device.ts';
import { addEvidence, createEvidenceLines, type EvidenceLines } from './evidence-lines.ts';

/** Processes of one homeserver start within this. Chosen: workers wait for the main process. */
const ONE_START_MS = 60_000;
/** First /syncs behind a start: a long poll, and a client's back-off. Chosen. */
const AFTER_START_MS = 10 * 60_000;
/** Users whose tokens are ahead; one may have a token of another server. */
export const USERS_AHEAD = 2;
/** Devices with keys handed out again, without any token. */
export const DEVICES_AGAIN = 2;
/** Users and devices remembered of one start. */
const MAX_REMEMBERED = 10_000;

export interface Restore {
  /** Log time of the start that brought the older database. */
  readonly timeMs: number;
  lastMs: number;
  level: Level;
  readonly lines: EvidenceLines;
  /** Devices whose keys were handed out again since: `@alice:hs JLAFKJWSCS`, at most MAX_REMEMBERED. */
  readonly devices: Set<string>;
}

export class ServerStarts {
  /** Counts the starts. */
  epoch = 0;
  startMs = Number.NaN;
  /** The latest; null: none. It stays in force over later starts: what it brought back is still there. */
  restore: Restore | null = null;
  /** Logs of the processes that began with it. */
  readonly #sources = new Set<string>();
  readonly #usersAhead = new Set<string>();
  /** Claims of ids that were handed out before the start, by device, while nothing says why. */
  readonly #again = new Map<DeviceTally, number>();
  /** Devices of those that had other keys in stock, so it wasn't the fallback key. */
  readonly #contradicted = new Set<DeviceTally>();
  #lines = createEvidenceLines();

  /** A process of the homeserver begins. Returns whether that is a new start. */
  noteStart(event: ServerEvent): boolean {
    const { source } = event.provenance;
    // Each process starts once: the same one again is a start of its own, however soon.
    const isSame = event.timeMs - this.startMs < ONE_START_MS && !this.#sources.has(source);
    if (!isSame) this.#sources.clear();
    this.#sources.add(source);
    if (isSame) return false;
    this.epoch++;
    this.startMs = event.timeMs;
    this.#usersAhead.clear();
    this.#again.clear();
    this.#contradicted.clear();
    this.#lines = createEvidenceLines();
    addEvidence(this.#lines, event);
    return true;
  }

  /** Returns the devices that must be judged anew, where this makes a restore of it. */
  noteTokenAhead(event: ServerEvent): ReadonlyMap<DeviceTally, number> {
    if (!(event.timeMs - this.startMs <= AFTER_START_MS)) return NONE;
    addEvidence(this.#lines, event);
    const isKnown = this.restore?.timeMs === this.startMs;
    if (isKnown && this.restore !== null) this.restore.lastMs = event.timeMs;
    if (this.#usersAhead.size < MAX_REMEMBERED) this.#usersAhead.add(event.userId ?? '');
    const isNew = !isKnown || this.restore?.level !== 'observed';
    return this.#usersAhead.size >= USERS_AHEAD && isNew ? this.#declare('observed', event.timeMs) : NONE;
  }

  /** An id that was handed out before the start is handed out again, and no restore is known yet. */
  noteAgain(device: DeviceTally, timeMs: number, hadOthers: boolean): ReadonlyMap<DeviceTally, number> {
    if (this.#again.size < MAX_REMEMBERED) this.#again.set(device, (this.#again.get(device) ?? 0) + 1);
    if (hadOthers && this.#contradicted.size < MAX_REMEMBERED) this.#contradicted.add(device);
    return this.#contradicted.size >= DEVICES_AGAIN ? this.#declare('suspected', timeMs) : NONE;
  }

  dump(): ServerStartsDump {
    const { epoch, startMs, restore } = this;
    return {
      epoch,
      startMs: Number.isNaN(startMs) ? null : startMs,
      restore: restore && { ...restore, devices: [...restore.devices] },
      sources: [...this.#sources],
      usersAhead: [...this.#usersAhead],
      again: [...this.#again].map(([{ userId, deviceId }, count]) => [userId, deviceId, count]),
      contradicted: [...this.#contradicted].map(({ userId, deviceId }) => [userId, deviceId]),
      lines: this.#lines,
    };
  }

  load(dump: ServerStartsDump, find: (userId: string, deviceId: string) => DeviceTally | undefined): void {
    this.epoch = dump.epoch;
    this.startMs = dump.startMs ?? Number.NaN;
    this.restore = dump.restore && { ...dump.restore, devices: new Set(dump.restore.devices) };
    for (const source of dump.sources) this.#sources.add(source);
    for (const user of dump.usersAhead) this.#usersAhead.add(user);
    for (const [userId, deviceId, count] of dump.again) {
      const device = find(userId, deviceId);
      if (device !== undefined) this.#again.set(device, count);
    }
    for (const [userId, deviceId] of dump.contradicted) {
      const device = find(userId, deviceId);
      if (device !== undefined) this.#contradicted.add(device);
    }
    // A restore goes on collecting the lines of its start.
    const ofRestore = this.restore?.timeMs === this.startMs ? this.restore.lines : null;
    this.#lines = ofRestore ?? { first: [...dump.lines.first], last: [...dump.lines.last] };
  }

  #declare(level: Level, nowMs: number): ReadonlyMap<DeviceTally, number> {
    const devices = this.restore?.timeMs === this.startMs ? this.restore.devices : new Set<string>();
    this.restore = { timeMs: this.startMs, lastMs: nowMs, level, lines: this.#lines, devices };
    const concerned = new Map(this.#again);
    this.#again.clear();
    return concerned;
  }
}

export interface ServerStartsDump {
  readonly epoch: number;
  readonly startMs: number | null;
  readonly restore: (Omit<Restore, 'devices'> & { readonly devices: readonly string[] }) | null;
  readonly sources: readonly string[];
  readonly usersAhead: readonly string[];
  readonly again: readonly (readonly [userId: string, deviceId: string, count: number])[];
  readonly contradicted: readonly (readonly [userId: string, deviceId: string])[];
  readonly lines: EvidenceLines;
}

const NONE: ReadonlyMap<DeviceTally, number> = new Map();
