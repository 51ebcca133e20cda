/** A whole log through the real pipeline with the built-in rules; what came of it, as plain data that can be compared. */
import { formatProblem } from '../../../daemon/config/problem.ts';
import { loadRuleSet } from '../../../daemon/rules/rule-set-loader.ts';
import type { DeviceTally } from '../../../src/devices/device-table.ts';
import type { Fact } from '../../../src/facts/fact.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { Pipeline } from '../../../src/pipeline.ts';
import type { LogFormat } from '../../../src/records/log-format.ts';
import type { JoinBounds } from '../../../src/requests/request-joiner.ts';
import type { SourceStream } from '../../../src/source-stream.ts';
import { type Chunking, feed } from '../records/chunks.ts';

const loaded = await loadRuleSet();
if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
export const BUILT_IN_RULES = loaded.value;

export interface ReadOptions extends Chunking {
  readonly timeZone?: string;
  readonly format?: LogFormat;
  readonly joinBounds?: JoinBounds;
  readonly maxDevices?: number;
  readonly name?: string;
}

export interface LogReading {
  readonly pipeline: Pipeline;
  readonly stream: SourceStream;
  readonly facts: readonly Fact[];
  /** What the log says outside of any record: how fast requests were, holes in its stamps. */
  readonly measures: readonly Fact[];
  readonly samples: readonly { readonly reason: string; readonly sample: string }[];
  readonly mostHeldBytes: number;
}

/** What the log says outside of any record. */
export function isMeasure({ kind }: Fact): boolean {
  return kind === 'latency_slice' || kind === 'log_hole';
}

/** Reads the generations (texts or bytes) of one source. */
export function readLog(log: string | Uint8Array | readonly (string | Uint8Array)[], options: ReadOptions = {}): LogReading {
  const { timeZone = 'UTC', format, joinBounds, maxDevices, name = 'homeserver.log' } = options;
  const facts: Fact[] = [];
  const measures: Fact[] = [];
  const samples: { reason: string; sample: string }[] = [];
  const pipeline = new Pipeline({
    rules: BUILT_IN_RULES,
    metrics: new MetricStore(),
    ...(joinBounds && { joinBounds }),
    ...(maxDevices !== undefined && { maxDevices }),
    onFact: (fact) => (isMeasure(fact) ? measures : facts).push(fact),
    onUnrecognised: (_, reason, sample) => samples.push({ reason, sample }),
  });
  const stream = pipeline.addSource({ name, timeZone, ...(format && { format }) });
  let mostHeldBytes = 0;
  for (const generation of isGenerations(log) ? log : [log]) {
    const bytes = typeof generation === 'string' ? Buffer.from(generation) : generation;
    mostHeldBytes = Math.max(mostHeldBytes, feed(stream, bytes, options));
  }
  pipeline.end();
  return { pipeline, stream, facts, measures, samples, mostHeldBytes };
}

function isGenerations(log: string | Uint8Array | readonly (string | Uint8Array)[]): log is readonly (string | Uint8Array)[] {
  return Array.isArray(log);
}

/** Plain data: rules by their id, sets as sorted lists, NaN as text. */
export function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, entry: unknown) => {
      if (key === 'rule' && typeof entry === 'object' && entry !== null && 'id' in entry) return entry.id;
      if (entry instanceof Set) return [...entry].sort();
      if (entry instanceof Map) return Object.fromEntries([...entry].sort(([a], [b]) => (a < b ? -1 : 1)));
      if (typeof entry === 'number' && !Number.isFinite(entry)) return String(entry);
      return entry;
    }) ?? 'null',
  );
}

/** Everything that a reading found, positions included; equal readings found the same. */
export function outcomeOf({ pipeline, stream, facts, measures }: LogReading): unknown {
  return plain({
    facts,
    measures,
    incidents: pipeline.incidents(),
    answers: pipeline.answers(),
    counts: stream.counts,
    unrecognised: stream.unrecognised,
    incarnations: stream.incarnations,
    format: stream.format,
    devices: pipeline.devices.list().map(tallyOf),
    unattributed: pipeline.devices.unattributed,
    traffic: trafficOf(pipeline),
    metrics: pipeline.metrics.sums(),
  });
}

/** What a tally says, without what the table keeps for itself. */
function tallyOf(device: DeviceTally): Record<string, unknown> {
  const { userId, deviceId, keyUploads, conflictCount, conflictKeyIds, newKeyHashes, firstConflictMs, lastConflictMs } = device;
  const { claimsOneTime, claimsFallback, traffic } = device;
  const conflicts = { conflictCount, conflictKeyIds, newKeys: newKeyHashes.size, firstConflictMs, lastConflictMs };
  return { userId, deviceId, keyUploads, ...conflicts, claimsOneTime, claimsFallback, traffic };
}

/** All that the tally counts: what a restart forgets, this shows. */
function trafficOf({ traffic }: Pipeline): unknown {
  return { ...traffic };
}

/** What a reading found, whatever bytes it stood in: no positions, no byte counts, no format. */
export function meaningOf({ pipeline, stream, facts }: LogReading): unknown {
  const { records, accessLines } = stream.counts;
  return plain({
    facts: facts.map((fact) => ({
      ...fact,
      provenance: { ...fact.provenance, positions: fact.provenance.positions.length, line: null },
      ...('access' in fact && { access: null }),
      ...(fact.lines && { lines: fact.lines.map(({ text, timeMs }) => ({ text, timeMs })) }),
    })),
    records,
    accessLines,
    unrecognised: stream.unrecognised,
    incarnations: stream.incarnations,
    devices: pipeline.devices.list().map(tallyOf),
    unattributed: pipeline.devices.unattributed,
    traffic: trafficOf(pipeline),
  });
}
