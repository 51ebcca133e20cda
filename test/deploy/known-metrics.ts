/**
 * Which metric names there are: our catalogue, what rules record, and what comes from elsewhere. Panels and rules may name no other.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { FamilySpec } from '../../src/metrics/family-spec.ts';

export const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy');

/** Families of the catalogue, by each name that their series have. */
const SERIES_OF = new Map<string, FamilySpec>(
  CATALOGUE.flatMap((spec: FamilySpec) => seriesNames(spec).map((name) => [name, spec] as const)),
);

/** Made by Prometheus for each target or alert. */
const OF_PROMETHEUS = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'ALERTS'];

/**
 * Of Synapse 1.155, as its Python client exposes them (reference/observability.md 2.2, read from synapse/http/request_metrics.py,
 * synapse/storage/database.py and synapse/metrics/__init__.py). Not ours to check further; the list keeps misspelt ones out.
 */
const OF_SYNAPSE = [
  'synapse_build_info',
  'synapse_server_name_info',
  'synapse_http_server_requests_received_total',
  'synapse_http_server_response_time_seconds_bucket',
  'synapse_http_server_response_time_seconds_count',
  'synapse_storage_query_time_bucket',
  'synapse_storage_schedule_time_bucket',
  'synapse_event_persisted_position',
  'synapse_event_processing_positions',
  'python_twisted_reactor_tick_time_bucket',
];

/** The family that a series of this name belongs to; undefined where it isn't one of ours. */
export function familyOf(series: string): FamilySpec | undefined {
  return SERIES_OF.get(series);
}

export function isOfSynapse(series: string): boolean {
  return OF_SYNAPSE.includes(series);
}

export function isKnown(series: string): boolean {
  return SERIES_OF.has(series) || OF_PROMETHEUS.includes(series) || OF_SYNAPSE.includes(series) || recordedNames().includes(series);
}

/** A matcher on a label that the metric doesn't have, or on a value it never takes, matches nothing for ever. */
export function labelProblems(metric: string, matcher: string): readonly string[] {
  const spec = familyOf(metric);
  const [, label = '', operator = '', value = ''] = /^(\w+)(=~|!~|!=|=)"(.*)"$/.exec(matcher) ?? [];
  if (spec === undefined || ['job', 'instance', 'server_name', 'le'].includes(label)) return [];
  if (spec.isPerDevice && (label === 'user_id' || label === 'device_id')) return [];
  const known = spec.labels.find(({ name }) => name === label);
  if (known === undefined) return [`has no label ${label}`];
  if (!('values' in known) || value.startsWith('$')) return [];
  const wanted = operator.endsWith('~') ? value.split('|') : [value];
  return wanted.filter((each) => !known.values.includes(each)).map((each) => `has no ${label}="${each}"`);
}

function seriesNames({ name, type }: FamilySpec): readonly string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

function recordedNames(): readonly string[] {
  const { groups } = parse(readFileSync(join(DEPLOY, 'prometheus/rules/recording.yml'), 'utf8')) as {
    groups: { rules: { record: string }[] }[];
  };
  return groups.flatMap(({ rules }) => rules.map(({ record }) => record));
}
