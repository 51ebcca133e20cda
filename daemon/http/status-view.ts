/**
 * What the status page and /api/v1/status say, as plain data.
 *
 * In: the daemon's own view of itself (given by run.ts), and the metric store. Out: StatusReport, copied field by field. Invariant:
 * only the fields named here leave the process, whatever else an object carries; none of them is a capability (a delay id, a
 * transaction id) or an address.
 */

import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { FamilySpec } from '../../src/metrics/family-spec.ts';
import { countOf } from '../../src/metrics/instruments.ts';
import type { FamilySnapshot, MetricStore } from '../../src/metrics/metric-store.ts';

export interface Readiness {
  readonly isReady: boolean;
  /** What was written while the daemon was away is still being read: counters would step back, so /metrics waits too (design.md 5). */
  readonly isReplaying: boolean;
  /** Why not, for a person, with the progress. Example `replaying homeserver.log: 12,345,678 of 40,000,000 bytes`; empty if ready. */
  readonly reason: string;
}

export interface SourceView {
  /** Example `homeserver.log`; the value of the `source` label. */
  readonly name: string;
  readonly path: string;
  /** Example `text`; `unknown` before the first record. */
  readonly format: string;
  readonly lines: number;
  readonly bytes: number;
  readonly records: number;
  readonly accessLines: number;
  /** Lines and records of unknown shape, all reasons together. */
  readonly unrecognised: number;
  readonly unreadBytes: number;
  /** Log time of the newest record, null before the first. */
  readonly lastRecordMs: number | null;
  /** One or two words for a person. Example `following`, `file not found`. */
  readonly state: string;
}

/** What the daemon knows of itself. */
export interface StatusView {
  /** Example `0.1.0`. */
  readonly version: string;
  /** Wall clock, milliseconds since 1970. */
  readonly startedMs: number;
  readonly ready: Readiness;
  readonly sources: readonly SourceView[];
  readonly state: StateView;
}

/** How the state directory's database stands. */
export interface StateView {
  readonly path: string;
  /** Wall clock of the last commit, milliseconds since 1970; null before the first. */
  readonly committedMs: number | null;
  /** Why the last commit failed; null: it didn't. What was counted since is in memory alone. */
  readonly problem: string | null;
}

/**
 * The numbers an operator looks for first. Null, or without entries, where this version doesn't count them yet: a 0 would say that
 * all is well.
 */
export interface Headline {
  readonly otkConflicts: number | null;
  readonly activeStorms: number | null;
  readonly poisonedClaims: number | null;
  /** By state, as in lotus_e2ee_devices. */
  readonly devices: Readonly<Record<string, number>>;
  /** To-device messages by stage, as in lotus_e2ee_to_device_messages_total. */
  readonly toDeviceMessages: Readonly<Record<string, number>>;
  /** By outcome, all actions together. */
  readonly delayedEventRequests: Readonly<Record<string, number>>;
  /** By attribution. */
  readonly delayedEventClientTimeouts: Readonly<Record<string, number>>;
  readonly delayedEventDrops: number | null;
  readonly untrustedRecords: number | null;
}

export interface StatusReport extends StatusView {
  readonly schema: 'lotus-e2ee-watch/status@1';
  readonly headline: Headline;
}

export function createStatusReport(view: StatusView, store: MetricStore): StatusReport {
  return {
    schema: 'lotus-e2ee-watch/status@1',
    version: view.version,
    startedMs: view.startedMs,
    ready: { isReady: view.ready.isReady, isReplaying: view.ready.isReplaying, reason: view.ready.reason },
    sources: view.sources.map(copySource),
    state: { path: view.state.path, committedMs: view.state.committedMs, problem: view.state.problem },
    headline: createHeadline(store),
  };
}

function copySource(source: SourceView): SourceView {
  const { name, path, format, lines, bytes, records, accessLines, unrecognised, unreadBytes, lastRecordMs, state } = source;
  return { name, path, format, lines, bytes, records, accessLines, unrecognised, unreadBytes, lastRecordMs, state };
}

function createHeadline(store: MetricStore): Headline {
  const families = new Map([...store.families()].map((family) => [family.name, family]));
  const by = (name: string, label: string): Record<string, number> => (isFed(name) ? sumBy(families.get(name), label) : {});
  const sum = (name: string): number | null => (isFed(name) ? (by(name, '')[''] ?? 0) : null);
  return {
    otkConflicts: sum('lotus_e2ee_otk_conflicts_total'),
    activeStorms: sum('lotus_e2ee_active_storms'),
    poisonedClaims: sum('lotus_e2ee_poisoned_claims_total'),
    devices: by('lotus_e2ee_devices', 'state'),
    toDeviceMessages: by('lotus_e2ee_to_device_messages_total', 'stage'),
    delayedEventRequests: by('lotus_e2ee_delayed_event_request_duration_seconds', 'outcome'),
    delayedEventClientTimeouts: by('lotus_e2ee_delayed_event_client_timeouts_total', 'attribution'),
    delayedEventDrops: sum('lotus_e2ee_delayed_event_drops_total'),
    untrustedRecords: sum('lotus_e2ee_untrusted_records_total'),
  };
}

function isFed(name: string): boolean {
  const specs: readonly FamilySpec[] = CATALOGUE;
  return specs.some((spec) => spec.name === name && !spec.isNotYetFed);
}

/** Values (of histograms: counts) by one label; all under one name if the family doesn't have that label. */
function sumBy(family: FamilySnapshot | undefined, label: string): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (labels: Readonly<Record<string, string>>, value: number): void => {
    const key = labels[label] ?? '';
    sums[key] = (sums[key] ?? 0) + value;
  };
  if (family?.type === 'histogram') for (const { labels, metric } of family.children) add(labels, countOf(metric));
  else if (family) for (const { labels, metric } of family.children) add(labels, metric.value);
  return sums;
}
