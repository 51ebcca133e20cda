/**
 * The result of `analyze --json`, by contract.md. In: a pipeline whose input is over. Out: one plain object; scripts rely on its form and on
 * the meaning of each word, so keys may be added, never changed.
 */
import { flagsOf } from './devices/device.ts';
import type { DeviceTally } from './devices/device-table.ts';
import { causeOf, type StormView, stateOf, stormViewOf } from './devices/device-view.ts';
import { DELAYED_EVENT_ACTIONS } from './homeserver/traffic-tally.ts';
import type { Incident } from './incident.ts';
import { formatTime } from './lines/utc-time.ts';
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
  const { traffic, devices, calls } = pipeline;
  return {
    schema: ANALYSIS_SCHEMA,
    sources: reports.map(describeSource),
    devices: devices.list().map((device) => describeDevice(device, devices.nowMs, calls.sends.of(device.userId, device.deviceId))),
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
      clientTimeouts: calls.totals.clientTimeouts,
      drops: calls.totals.drops,
      dropsUnsure: calls.totals.dropsUnsure,
    },
    incidents: pipeline.incidents().map(describeIncident),
    questions: pipeline.answers(reports.flatMap(({ gaps }) => gaps.map(({ problem }) => problem))),
    untrustedRecords: traffic.untrusted,
    counters: pipeline.metrics.sums(),
    histograms: { [LATENCY]: describeHistogram(pipeline.metrics.histogram(LATENCY)) },
  };
}

const LATENCY = 'lotus_e2ee_homeserver_request_duration_seconds';

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

function describeDevice(device: DeviceTally, nowMs: number, sends: number) {
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
    state: stateOf(device, nowMs),
    cause: causeOf(device),
    flags: flagsOf(device),
    storm: describeStorm(stormViewOf(device, nowMs)),
    claims: { oneTime: device.claimsOneTime, fallback: device.claimsFallback, poisoned: device.claimsPoisoned },
    toDevice: { sends, ...(device.traffic ?? NO_TRAFFIC) },
    untrusted: device.untrusted,
  };
}

const NO_TRAFFIC = { stored: 0, returned: 0, dropped: 0 };

function describeStorm(storm: StormView | null) {
  if (storm === null) return null;
  const { openedMs, detectedMs, closedMs, closedBy, peakPerMinute } = storm;
  return {
    openedTime: formatTime(openedMs),
    detectedTime: formatTime(detectedMs),
    closedTime: formatTime(closedMs),
    closedBy,
    peakPerMinute,
  };
}

function describeIncident({ firstMs, lastMs, isOpen, evidence, ...rest }: Incident) {
  return {
    ...rest,
    firstTime: formatTime(firstMs),
    lastTime: formatTime(lastMs),
    open: isOpen,
    evidence: evidence.map(({ source, line, position, timeMs, text }) => ({ source, line, position, time: formatTime(timeMs), text })),
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
