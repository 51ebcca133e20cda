/**
 * In: what `analyze --json` printed. Out: where it differs from the ground truth, each word as contract.md means it.
 *
 * Invariant: compared is everything that the truth has. Two things are looser, because the contract leaves them open: the split of claims
 * into one-time and fallback, and which device messages were returned to (only where a line names it, profile debug).
 */
import type { ContractTruth, Truth } from './generator/truth.ts';

/** The part of `analyze --json` that is compared; every key may be missing. */
export interface Analysis {
  readonly sources?: readonly { readonly lines?: number; readonly records?: number; readonly accessLines?: number }[];
  readonly devices?: readonly {
    readonly userId: string;
    readonly deviceId: string;
    readonly keyUploads?: Record<string, number>;
    readonly conflicts?: { readonly count?: number; readonly keyIds?: readonly string[]; readonly distinctNewKeys?: number };
    readonly claims?: { readonly oneTime?: number; readonly fallback?: number };
    readonly toDevice?: { readonly stored?: number; readonly returned?: number; readonly dropped?: number };
  }[];
  readonly unattributed?: Record<string, number>;
  readonly toDevice?: { readonly sends?: Record<string, number> } & Record<string, unknown>;
  readonly delayedEvents?: { readonly requests?: Record<string, Record<string, number>> };
  readonly untrustedRecords?: number;
  readonly counters?: Record<string, number>;
  /** Beyond the contract, compared if there: cumulative buckets by bound in seconds, `+Inf` not needed. */
  readonly histograms?: Record<string, { readonly count: number; readonly sum: number; readonly buckets: Record<string, number> }>;
}

const DURATION = 'lotus_e2ee_homeserver_request_duration_seconds';

export function ourDifferences(analysis: Analysis, truth: Truth): string[] {
  const { contract } = truth;
  const source = analysis.sources?.[0] ?? {};
  const isReturnedNamed = truth.generator.profile === 'debug';
  return [
    ...compare('sources', 1, analysis.sources?.length ?? 0),
    ...compare('lines', contract.lines, source.lines ?? 0),
    ...compare('records', contract.records, source.records ?? 0),
    ...compare('accessLines', contract.accessLines, source.accessLines ?? 0),
    ...compareMaps('device', expectedDevices(contract, isReturnedNamed), foundDevices(analysis, isReturnedNamed)),
    ...compareMaps(
      'refused ids of',
      new Map(Object.entries(contract.conflictKeyIds).map(([d, ids]) => [d, ids.join(' ')])),
      foundIds(analysis),
    ),
    ...compareCounts('unattributed', contract.unattributed, analysis.unattributed),
    ...compareCounts('toDevice.sends', contract.toDevice.sends, analysis.toDevice?.sends),
    ...(['sendsFailed', 'mediaKeySends', 'stored', 'returned', 'dropped'] as const).flatMap((key) =>
      compare(`toDevice.${key}`, contract.toDevice[key], Number(analysis.toDevice?.[key] ?? 0)),
    ),
    ...Object.entries(contract.delayedEvents.requests).flatMap(([action, outcomes]) =>
      compareCounts(`delayedEvents.requests.${action}`, outcomes, analysis.delayedEvents?.requests?.[action]),
    ),
    ...compare('untrustedRecords', 0, analysis.untrustedRecords ?? 0),
    ...compare('counters.lotus_e2ee_otk_conflicts_total', contract.conflicts, analysis.counters?.['lotus_e2ee_otk_conflicts_total'] ?? 0),
    ...durationDifferences(analysis, contract),
  ];
}

function compare(name: string, expected: number | string, found: number | string): string[] {
  return expected === found ? [] : [`${name}: expected ${expected}, got ${found}`];
}

function compareMaps(name: string, expected: Map<string, string>, found: Map<string, string>): string[] {
  const keys = [...new Set([...expected.keys(), ...found.keys()])];
  return keys.flatMap((key) => compare(`${name} ${key}`, expected.get(key) ?? 'nothing', found.get(key) ?? 'nothing'));
}

/** Zeros and missing keys are the same. */
function compareCounts(name: string, expected: Record<string, number | undefined>, found: Record<string, number> | undefined): string[] {
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(found ?? {})])];
  return keys.flatMap((key) => compare(`${name}.${key}`, expected[key] ?? 0, found?.[key] ?? 0));
}

/** `accepted 1, claims 2`, zeros left out. A device with nothing but zeros isn't in the map. */
function describeRow(row: readonly (readonly [string, number])[]): string {
  return row.flatMap(([column, n]) => (n > 0 ? [`${column} ${n}`] : [])).join(', ');
}

function expectedDevices(contract: ContractTruth, isReturnedNamed: boolean): Map<string, string> {
  const rows = Object.entries(contract.devices).map(([device, counts]) => {
    const row = contract.deviceColumns.map((column, i) => [column, counts[i] ?? 0] as const);
    return [device, describeRow(row.filter(([column]) => isReturnedNamed || column !== 'returned'))] as const;
  });
  return new Map(rows.filter(([, text]) => text !== ''));
}

function foundDevices(analysis: Analysis, isReturnedNamed: boolean): Map<string, string> {
  const rows = (analysis.devices ?? []).map(({ userId, deviceId, keyUploads, conflicts, claims, toDevice }) => {
    const uploads = ['accepted', 'conflict', 'rejected', 'clientGaveUp', 'failed'].map((key) => [key, keyUploads?.[key] ?? 0] as const);
    const text = describeRow([
      ...uploads,
      ['refusals', conflicts?.count ?? 0],
      ['distinctNewKeys', conflicts?.distinctNewKeys ?? 0],
      ['claims', (claims?.oneTime ?? 0) + (claims?.fallback ?? 0)],
      ['stored', toDevice?.stored ?? 0],
      ['returned', isReturnedNamed ? (toDevice?.returned ?? 0) : 0],
      ['dropped', toDevice?.dropped ?? 0],
    ]);
    return [`${userId}|${deviceId}`, text] as const;
  });
  return new Map(rows.filter(([, text]) => text !== ''));
}

function foundIds(analysis: Analysis): Map<string, string> {
  const withIds = (analysis.devices ?? []).filter(({ conflicts }) => (conflicts?.keyIds?.length ?? 0) > 0);
  return new Map(
    withIds.map(({ userId, deviceId, conflicts }) => [`${userId}|${deviceId}`, [...(conflicts?.keyIds ?? [])].sort().join(' ')]),
  );
}

function durationDifferences(analysis: Analysis, contract: ContractTruth): string[] {
  const found = analysis.histograms?.[DURATION];
  if (!found) return [];
  const { count, sum_ms, bounds_ms, buckets } = contract.requestDuration;
  let below = 0;
  return [
    ...compare(`${DURATION} count`, count, found.count),
    ...compare(`${DURATION} sum in ms`, sum_ms, Math.round(found.sum * 1000)),
    ...bounds_ms.flatMap((bound, i) => {
      below += buckets[i] ?? 0;
      return compare(`${DURATION} le ${bound} ms`, below, found.buckets[String(bound / 1000)] ?? 0);
    }),
  ];
}

/** True if the analysis has the duration histogram, so that it was compared. */
export function hasDurations(analysis: Analysis): boolean {
  return analysis.histograms?.[DURATION] !== undefined;
}
