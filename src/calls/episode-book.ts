/**
 * Faults around calls that come again and again, put together: one incident for each subject (a device, a client's address, the homeserver) and
 * stretch of time. In: single happenings with their evidence. Out: `Incident`s.
 *
 * Bounded: above MAX_EPISODES the episode whose last happening is longest ago is forgotten: one that goes on stays.
 */
import type { Level } from '../certainty.ts';
import { type Evidence, type Incident, type KnownFault, MAX_EVIDENCE_LINES } from '../incident.ts';
import { BoundedRows } from './bounded-rows.ts';

/** Kinds of incidents of this stage, with the fault that the runbook numbers. */
export const EPISODE_FAULTS = {
  homeserver_slow: 'KE-4',
  client_gave_up: 'KE-4',
  rate_limited: 'KE-4',
  membership_dropped: 'KE-4',
  never_restarted: 'KE-4',
  cancel_instead_of_restart: 'KE-4',
  call_keys_late: 'KE-2',
  call_keys_for_unknown_device: 'KE-2',
} as const satisfies Readonly<Record<string, KnownFault>>;

export type EpisodeKind = keyof typeof EPISODE_FAULTS;

export interface Happened {
  readonly kind: EpisodeKind;
  /** What makes it the same fault again: a device, a client's hash; ''. */
  readonly subject: string;
  /** The subject must not be printed: it's a hash of an address. */
  readonly isPrivate: boolean;
  readonly userId: string | null;
  readonly deviceId: string | null;
  readonly timeMs: number;
  readonly level: Level;
  /** What led to it, as a short phrase from a closed set: `own processing`. Counted. */
  readonly reason: string;
  /** A sentence about this one; the last is shown. */
  readonly note: string;
  readonly evidence: readonly Evidence[];
}

/** Plain data: one row. */
export interface Episode {
  readonly kind: EpisodeKind;
  readonly subject: string;
  /** The subject as it may be printed: itself, or `client 7`. */
  readonly name: string;
  readonly userId: string | null;
  readonly deviceId: string | null;
  readonly firstMs: number;
  lastMs: number;
  level: Level;
  count: number;
  readonly reasons: Record<string, number>;
  note: string;
  readonly first: Evidence[];
  readonly last: Evidence[];
}

/** So long without another one, and the fault is over. Chosen: as a storm's quiet time, less a call's restart intervals. */
export const EPISODE_GAP_MS = 10 * 60_000;
/** Chosen: a bad evening of a large server. Each takes some 5 KiB at most. */
const MAX_EPISODES = 2000;
/** From so many on it's an incident: one `!` is a page that was closed, a few 429s cost a retry, one schedule without restarts is
 * a page that was closed right behind joining. */
const MIN_COUNT: Partial<Record<EpisodeKind, number>> = { homeserver_slow: 2, client_gave_up: 2, rate_limited: 5, never_restarted: 2 };
const RANK: Readonly<Record<Level, number>> = { suspected: 0, derived: 1, observed: 2 };

export class EpisodeBook {
  /** By key (`kind/name/firstMs`), in order of their last happening. */
  readonly rows: BoundedRows<Episode>;
  /** The newest one of each kind and subject. */
  readonly #current = new Map<string, Episode>();

  constructor(maxEpisodes: number = MAX_EPISODES) {
    this.rows = new BoundedRows('episode', maxEpisodes, (episode) => this.#forget(episode));
  }

  add(happened: Happened): void {
    const { kind, subject, timeMs, level, reason, note, evidence } = happened;
    const known = this.#current.get(`${kind}/${subject}`);
    const episode =
      known !== undefined && timeMs - known.lastMs <= EPISODE_GAP_MS
        ? known
        : begin(happened, happened.isPrivate ? `client ${this.rows.takeSequence()}` : subject);
    this.#current.set(`${kind}/${subject}`, episode);
    episode.count++;
    episode.lastMs = Math.max(episode.lastMs, timeMs);
    if (RANK[level] > RANK[episode.level]) episode.level = level;
    episode.reasons[reason] = (episode.reasons[reason] ?? 0) + 1;
    episode.note = note;
    for (const piece of evidence) addEvidence(episode, piece);
    this.rows.put(keyOf(episode), episode);
  }

  /** Those that are enough to be told, by their beginning. */
  told(): Episode[] {
    const told = [...this.rows.values()].filter(({ kind, count }) => count >= (MIN_COUNT[kind] ?? 1));
    return told.sort((a, b) => a.firstMs - b.firstMs || (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  settleRestored(): void {
    this.rows.settleRestored();
    for (const episode of [...this.rows.values()].sort((a, b) => a.firstMs - b.firstMs))
      this.#current.set(`${episode.kind}/${episode.subject}`, episode);
  }

  #forget(episode: Episode): void {
    const name = `${episode.kind}/${episode.subject}`;
    if (this.#current.get(name) === episode) this.#current.delete(name);
  }
}

function begin({ kind, subject, userId, deviceId, timeMs, level, note }: Happened, name: string): Episode {
  return {
    kind,
    subject,
    name,
    userId,
    deviceId,
    firstMs: timeMs,
    lastMs: timeMs,
    level,
    count: 0,
    reasons: {},
    note,
    first: [],
    last: [],
  };
}

function keyOf({ kind, name, firstMs }: Episode): string {
  return `${kind}/${name}/${firstMs}`;
}

function addEvidence({ first, last }: Episode, evidence: Evidence): void {
  const half = MAX_EVIDENCE_LINES / 2;
  if (first.length < half) first.push(evidence);
  else {
    if (last.length >= half) last.shift();
    last.push(evidence);
  }
}

/** @param nowMs newest log time */
export function toIncident(episode: Episode, nowMs: number, summary: string, remediation: readonly string[]): Incident {
  const { kind, userId, deviceId, level, firstMs, lastMs, first, last } = episode;
  return {
    id: keyOf(episode),
    ke: EPISODE_FAULTS[kind],
    kind,
    userId,
    deviceId,
    level,
    firstMs,
    lastMs,
    isOpen: nowMs - lastMs <= EPISODE_GAP_MS,
    summary,
    evidence: [...first, ...last],
    remediation,
  };
}
