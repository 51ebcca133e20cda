/**
 * The result of `analyze --json`, by contract.md. In: a pipeline whose input is over. Out: one plain object; scripts rely on its form and on
 * the meaning of each word, so keys may be added, never changed.
 *
 * What belongs to device truth (states, causes, storms, questions) isn't worked out yet: its keys are there, with the values that claim
 * nothing.
 */
import type { DeviceTally } from './devices/device-table.ts';
import { DELAYED_EVENT_ACTIONS } from './homeserver/traffic-tally.ts';
import type { Histogram } from './metrics/metric-store.ts';
import type { Pipeline } from './pipeline.ts';
import type { SourceStream } from './source-stream.ts';

const ANALYSIS_SCHEMA = 'lotus-e2ee-watch/analysis@1';

export interface SourceReport {
  /** `homeserver.log`: the live name, whichever generations were read. */
  readonly path: string;
  readonly stream: SourceStream;
  /** What couldn't be read of it: `{ file, problem }`. */
  readonly gaps: readonly { readonly file: string; readonly problem: string }[];
}

export type Analysis = ReturnType<typeof createAnalysis>;

export function createAnalysis(pipeline: Pipeline, reports: readonly SourceReport[]) {
  pipeline.refreshMetrics();
  const { traffic, devices } = pipeline;
  return {
    schema: ANALYSIS_SCHEMA,
    sources: reports.map(describeSource),
    devices: devices.list().map(describeDevice),
    unattributed: {
      conflicts: devices.unattributed.conflicts,
      rejected: devices.unattributed.rejected,
      clientGaveUp: devices.unattributed.client_gave_up,
      failed: devices.unattributed.failed,
    },
    toDevice: {
      sends: Object.fromEntries([...traffic.sends].sort(([a], [b]) => (a < b ? -1 : 1))),
      sendsFailed: traffic.sendsFailed,
      mediaKeySends: traffic.mediaKeySends,
      stored: traffic.stored,
      returned: traffic.returned,
      dropped: traffic.dropped,
    },
    redactions: traffic.redactions,
    delayedEvents: {
      requests: Object.fromEntries(
        DELAYED_EVENT_ACTIONS.map((action) => {
          const {
            ok,
            client_gave_up: clientGaveUp,
            rate_limited: rateLimited,
            not_found: notFound,
            failed,
          } = traffic.delayedEvents[action];
          return [action, { ok, clientGaveUp, rateLimited, notFound, failed }];
        }),
      ),
      clientTimeouts: { homeserver_slow: 0, homeserver_healthy: 0, unknown: traffic.clientTimeouts },
      drops: 0,
      dropsUnsure: 0,
    },
    incidents: [],
    questions: Object.fromEntries(['Q1', 'Q2', 'Q3', 'Q4', '6.4'].map((question) => [question, UNANSWERED])),
    untrustedRecords: 0,
    counters: pipeline.metrics.sums(),
    histograms: { [LATENCY]: describeHistogram(pipeline.metrics.histogram(LATENCY)) },
  };
}

const LATENCY = 'lotus_e2ee_homeserver_request_duration_seconds';

const UNANSWERED = { answer: 'unknown', level: 'suspected', why: 'questions are not answered yet by this version' } as const;

function describeSource({ path, stream, gaps }: SourceReport) {
  const { lines, records, accessLines, cutLines, firstTimeMs, lastTimeMs } = stream.counts;
  return {
    path,
    name: stream.name,
    format: stream.format?.kind ?? 'unknown',
    prefix: stream.format?.prefix ?? 'none',
    lines,
    records,
    accessLines,
    unrecognised: Object.fromEntries([...stream.unrecognised].sort(([a], [b]) => (a < b ? -1 : 1))),
    incarnations: stream.incarnations,
    firstTime: formatTime(firstTimeMs),
    lastTime: formatTime(lastTimeMs),
    cutLines,
    gaps,
  };
}

function describeDevice(device: DeviceTally) {
  const { accepted, conflict, rejected, client_gave_up: clientGaveUp, failed } = device.keyUploads;
  return {
    userId: device.userId,
    deviceId: device.deviceId,
    keyUploads: { accepted, conflict, rejected, clientGaveUp, failed },
    conflicts: {
      count: device.conflictCount,
      keyIds: [...device.conflictKeyIds].sort(),
      distinctNewKeys: device.newKeyHashes.size,
      firstTime: formatTime(device.firstConflictMs),
      lastTime: formatTime(device.lastConflictMs),
    },
    state: 'healthy',
    cause: null,
    flags: [],
    storm: null,
    claims: { oneTime: device.claimsOneTime, fallback: device.claimsFallback, poisoned: 0 },
    toDevice: { sends: 0, stored: device.stored, returned: device.returned, dropped: device.dropped },
    untrusted: 0,
  };
}

/** Buckets are cumulative, as Prometheus has them: `{ count, sum, buckets: { '0.005': n, … } }`. */
function describeHistogram({ bounds, counts, sum }: Histogram) {
  let count = 0;
  const buckets: Record<string, number> = {};
  bounds.forEach((bound, i) => {
    count += counts[i] ?? 0;
    buckets[String(bound)] = count;
  });
  return { count: count + (counts.at(-1) ?? 0), sum, buckets };
}

const DAY_MS = 86_400_000;

/** `2026-06-30T12:00:00.000Z`; null for NaN (no time known). Civil date from days: Howard Hinnant's algorithm (public domain). */
export function formatTime(epochMs: number): string | null {
  if (Number.isNaN(epochMs)) return null;
  const days = Math.floor(epochMs / DAY_MS) + 719_468;
  const ms = epochMs - Math.floor(epochMs / DAY_MS) * DAY_MS;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  const [hour, minute, second] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(Math.floor(ms % 1000), 3)}Z`;
}
