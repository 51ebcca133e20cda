/**
 * PromQL of the panels. Names are typed: one of ours that the catalogue doesn't have, or one of Synapse's that isn't listed here, doesn't
 * compile. Every selector carries the job and the instance that the dashboard's variables name.
 */
import type { CATALOGUE } from '../../../src/metrics/catalogue.ts';

type Family = (typeof CATALOGUE)[number];
type HistogramFamily = Extract<Family, { readonly type: 'histogram' }>['name'];
type OwnName = Exclude<Family['name'], HistogramFamily> | `${HistogramFamily}_${'bucket' | 'sum' | 'count'}`;

/**
 * Of Synapse 1.155, as its Python client exposes them (`_total` comes from there): synapse/http/request_metrics.py,
 * synapse/storage/database.py, synapse/metrics/__init__.py.
 */
export const SYNAPSE_METRICS = [
  'synapse_http_server_response_time_seconds_bucket',
  'synapse_http_server_response_time_seconds_count',
  'synapse_storage_query_time_bucket',
  'synapse_storage_schedule_time_bucket',
  'synapse_event_persisted_position',
  'synapse_event_processing_positions',
  'python_twisted_reactor_tick_time_bucket',
] as const;

/** Made by Prometheus itself for each target. */
export const SCRAPE_METRICS = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped'] as const;

export type MetricName = OwnName | (typeof SYNAPSE_METRICS)[number] | (typeof SCRAPE_METRICS)[number];

/** `name{job=~"$job",instance=~"$instance",outcome="ok"}`; `matchers` as PromQL has them, without braces. */
export function select(name: MetricName, matchers = ''): string {
  return `${name}{job=~"$job",instance=~"$instance"${matchers === '' ? '' : `,${matchers}`}}`;
}

/** `sum by (outcome) (rate(…[$__rate_interval]))` */
export function sumRate(name: MetricName, by = '', matchers = ''): string {
  return `sum${byClause(by)}(rate(${select(name, matchers)}[$__rate_interval]))`;
}

/** How much a counter went up between two points of the panel. */
export function sumIncrease(name: MetricName, by = '', matchers = ''): string {
  return `sum${byClause(by)}(increase(${select(name, matchers)}[$__rate_interval]))`;
}

/** How much it went up in all the time that the dashboard shows. */
export function sumInRange(name: MetricName, by = '', matchers = ''): string {
  return `sum${byClause(by)}(increase(${select(name, matchers)}[$__range]))`;
}

export function sum(name: MetricName, by = '', matchers = ''): string {
  return `sum${byClause(by)}(${select(name, matchers)})`;
}

export function max(name: MetricName, by = '', matchers = ''): string {
  return `max${byClause(by)}(${select(name, matchers)})`;
}

/** `name` is that of the buckets. */
export function quantile(q: number, name: MetricName & `${string}_bucket`, by = '', matchers = ''): string {
  return `histogram_quantile(${q}, sum by (${by === '' ? 'le' : `${by}, le`}) (rate(${select(name, matchers)}[$__rate_interval])))`;
}

function byClause(by: string): string {
  return by === '' ? ' ' : ` by (${by}) `;
}
