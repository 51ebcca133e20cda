/**
 * Incidents around calls (KE-2, KE-4). In: the stage `calls`, what is known of devices' keys. Out: incidents in words, with what heals them.
 */
import type { Calls } from '../calls/calls.ts';
import { type Episode, type EpisodeKind, toIncident } from '../calls/episode-book.ts';
import { type Link, linksIn } from '../calls/link-states.ts';
import type { KeyHealth } from '../devices/key-health.ts';
import type { Incident, IncidentSource } from '../incident.ts';

export class CallIncidents implements IncidentSource {
  readonly #calls: Calls;
  readonly #keys: KeyHealth;

  constructor(calls: Calls, keys: KeyHealth) {
    this.#calls = calls;
    this.#keys = keys;
  }

  *incidents(nowMs: number): Iterable<Incident> {
    for (const episode of this.#calls.episodes.told()) yield toIncident(episode, nowMs, summaryOf(episode), REMEDIATION[episode.kind]);
    const everything = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
    yield* mergePairs(linksIn(everything, this.#calls, this.#keys).filter(isTold), nowMs);
  }
}

/** Late keys are episodes already, but for those that never came. */
function isTold({ state, level, evidence }: Link): boolean {
  return (
    state === 'link_predicted' || (state === 'not_targeted' && level === 'suspected') || (state === 'late_delivery' && evidence.length > 0)
  );
}

/** Two devices may meet in several stays: one incident a pair and kind. */
function* mergePairs(links: readonly Link[], nowMs: number): Iterable<Incident> {
  const merged = new Map<string, Link[]>();
  for (const link of links) {
    const { sender, receiver, state } = link;
    const key = `${KIND_OF[state] ?? state}/${sender.userId}/${receiver.userId}/${receiver.deviceId ?? ''}`;
    merged.set(key, [...(merged.get(key) ?? []), link]);
  }
  for (const [key, same] of merged) {
    const [first] = same;
    if (first === undefined) continue;
    const firstMs = Math.min(...same.map((link) => link.firstMs));
    const lastMs = Math.max(...same.map((link) => link.lastMs));
    yield {
      id: `${key}/${firstMs}`,
      ke: 'KE-2',
      kind: KIND_OF[first.state] ?? first.state,
      userId: first.receiver.userId,
      deviceId: first.receiver.deviceId,
      level: first.level,
      firstMs,
      lastMs,
      isOpen: nowMs - lastMs <= OPEN_MS,
      summary: `${first.receiver.userId}${first.receiver.deviceId === null ? '' : ` ${first.receiver.deviceId}`} likely doesn't hear ${first.sender.userId}: ${first.why}`,
      evidence: first.evidence,
      remediation: PAIR_REMEDIATION[first.state] ?? [],
    };
  }
}

const KIND_OF: Readonly<Partial<Record<Link['state'], string>>> = {
  link_predicted: 'call_keys_lost',
  not_targeted: 'call_keys_not_sent',
  late_delivery: 'call_keys_undelivered',
};

/** A pair's fault is open for so long behind its last sign. Chosen: as an episode's. */
const OPEN_MS = 10 * 60_000;

const PAIR_REMEDIATION: Readonly<Partial<Record<Link['state'], readonly string[]>>> = {
  link_predicted: [
    'Heal the device whose keys diverged first (its KE-1 incident says how): after a reset only logging it out and in again helps.',
    'After a rollback or two tabs, one message or call key from that device repairs the pair; the key that is lost comes again at the next rotation, when somebody joins or leaves.',
  ],
  not_targeted: [
    'Find the device in the call that nobody can open a session with (a KE-1 incident, or exhausted keys) and log it out and in again.',
    'Until then the sender is heard again at the next key rotation: when somebody leaves, or joins and the key is older than 10 s.',
  ],
  late_delivery: [
    'See whether the device was syncing at all in that time (its /sync lines), and whether a second tab of the same device took its messages.',
    'Look for slow syncs and for workers whose to-device stream lags behind.',
  ],
};

const REMEDIATION: Readonly<Record<EpisodeKind, readonly string[]>> = {
  homeserver_slow: [
    'Look at what the homeserver did in those minutes: processor, database locks and slow queries, long garbage collections, a backup.',
    'Move `/delayed_events/…/restart` to a worker of its own, if the main process is what is slow (Synapse 1.143 and newer).',
    "Raise the delay in Element Call's configuration (`delayed_leave_event_delay_ms`), so that a short stall doesn't end memberships.",
  ],
  client_gave_up: [
    "Look between the client and the homeserver: the reverse proxy's timeouts and connection limits, the network, a VPN.",
    "Ask for the client's console in that minute: a page in the background, or one that is busy, sends late by itself.",
  ],
  rate_limited: [
    'See that the reverse proxy sets X-Forwarded-For and that the listener has `x_forwarded: true`: without it all clients are one address.',
    'Raise `rc_delayed_event_mgmt` in homeserver.yaml (for example `per_second: 20`, `burst_count: 100`): on Synapse 1.143 to 1.155 the limit is for an address, and every participant needs 0.25 requests a second.',
    'Update Synapse to 1.156 or newer and clients to matrix-js-sdk 41.7.0 or newer: then the limit is for a user.',
  ],
  membership_dropped: [
    'See what kept the restarts away in that time: the reason says whether the homeserver was slow or down, refused them, or saw none.',
    "Raise the delay in Element Call's configuration (`delayed_leave_event_delay_ms`), so that a short interruption doesn't end a membership.",
  ],
  never_restarted: [
    'Update the client: a widget driver without the restart action (Cinny with Element Call 0.19.1) schedules its leave and never restarts it.',
    'See that the log of the worker that serves `/delayed_events` is watched too.',
  ],
  cancel_instead_of_restart: ['Update the client: matrix-js-sdk 39.2.0 to 41.8.0 may cancel where it means to restart (fixed in 41.9.0).'],
  call_keys_late: [
    'Look for slow syncs of that device, and for a homeserver under load in those minutes.',
    'Nothing heals a key that came late: the next rotation replaces it.',
  ],
  call_keys_for_unknown_device: [
    'Let the receiver leave the call and join again: its membership names a device that was deleted.',
    'If it stays so, let the sender reload: its device list is out of date.',
  ],
};

function summaryOf(episode: Episode): string {
  const { kind, count, reasons, note } = episode;
  const why = Object.entries(reasons)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_REASONS)
    .map(([reason, times]) => (times === count ? reason : `${reason} ${times}×`))
    .join(', ');
  return `${SUBJECT[kind](episode)} (${why}); the last: ${note}`;
}

const MAX_REASONS = 4;

function nameOf({ userId, deviceId }: Episode): string {
  return userId === null ? 'a device that no line names' : `${userId}${deviceId === null ? '' : ` ${deviceId}`}`;
}

const SUBJECT: Readonly<Record<EpisodeKind, (episode: Episode) => string>> = {
  homeserver_slow: ({ count }) => `clients gave up on ${count} requests for delayed events because the homeserver was slow`,
  client_gave_up: (episode) =>
    `${nameOf(episode)} gave up on ${episode.count} requests for delayed events that the homeserver answered quickly`,
  rate_limited: ({ count }) => `${count} requests for delayed events from one client address were refused by the rate limit`,
  membership_dropped: (episode) =>
    `the server ended the call membership of ${nameOf(episode)}${episode.count > 1 ? ` ${episode.count} times` : ''}`,
  never_restarted: (episode) => `${nameOf(episode)} scheduled its leave ${episode.count} times and never restarted it`,
  cancel_instead_of_restart: (episode) => `${nameOf(episode)} cancels its delayed leave where it should restart it`,
  call_keys_late: (episode) => `${episode.count} call keys for ${nameOf(episode)} were handed out late`,
  call_keys_for_unknown_device: (episode) => `${episode.count} call keys were for ${nameOf(episode)}, which the server doesn't know`,
};
