/**
 * The catalogue as a page for operators: deploy/METRICS.md.
 *
 * In: CATALOGUE. Out: Markdown, the same text for the same catalogue; a gate compares the file with it.
 */

import { CATALOGUE } from './catalogue.ts';
import type { FamilySpec, LabelSpec } from './family-spec.ts';
import { DEVICE_LABELS, isClosed, OVERFLOW } from './family-spec.ts';
import { MAX_LABEL_LENGTH } from './label-text.ts';
import { DEFAULT_DEVICE_IDLE_MS, DEFAULT_MAX_DEVICE_SERIES } from './metric-store.ts';

const SPECS: readonly FamilySpec[] = CATALOGUE;

/** Markdown with a newline at its end. */
export function renderMetricsReference(): string {
  const watcher = SPECS.filter(({ name }) => name.startsWith('lotus_e2ee_watch_'));
  const standard = SPECS.filter(({ name }) => name.startsWith('process_'));
  const domain = SPECS.filter((spec) => !watcher.includes(spec) && !standard.includes(spec));
  return [
    '# Metrics',
    '<!-- Generated from src/metrics/families/ by src/metrics/reference.ts: change it there. -->',
    ...introduction(),
    '## End-to-end encryption',
    ...domain.map(section),
    '## The watcher itself',
    ...watcher.map(section),
    '## The process',
    ...standard.map(section),
  ]
    .join('\n\n')
    .concat('\n');
}

function introduction(): readonly string[] {
  const idleMinutes = DEFAULT_DEVICE_IDLE_MS / 60_000;
  return [
    '`GET /metrics` gives them in the Prometheus text format 0.0.4, or in OpenMetrics 1.0 to whoever asks for it (Prometheus does). OpenMetrics has exemplars: the `request_id` of a request in each bucket, to look for in the log.',
    "All times and rates come from the log's own stamps. Series whose labels are all known exist at 0 from the start, those of a source from its first reading on.",
    `**Bounds.** A family *per device* has series only for devices that matter at the time: at most ${DEFAULT_MAX_DEVICE_SERIES} devices (\`lotus_e2ee_watch_series_limit\`), each until it was idle for ${idleMinutes} minutes of log time. The others count together in \`user_id="${OVERFLOW}", device_id="${OVERFLOW}"\`. A label marked *open* takes its values from outside, up to the number given; further ones count in \`${OVERFLOW}\`. Each refusal counts in \`lotus_e2ee_watch_series_rejected_total\`. Label values are cut at ${MAX_LABEL_LENGTH} characters.`,
    "**Alerts** should stand on gauges such as `lotus_e2ee_active_storms`: `increase()` is blind to the first value of a series just born. Take `sum(rate(…))`, not `rate(sum(…))`, of families per device: a sum steps back when a device's series end.",
  ];
}

function section(spec: FamilySpec): string {
  const lines = [`### \`${spec.name}\``, '', `${spec.type}, ${spec.unit}${spec.isPerDevice ? ', per device' : ''}. ${spec.help}`];
  if (spec.isDebug) lines.push('', 'On no panel and in no alert: for whoever looks into the watcher itself.');
  if (spec.isNotYetFed) lines.push('', '**Not yet fed**: it exists, but nothing counts in it in this version.');
  const facts = [...(spec.isPerDevice ? [DEVICE_LABELS.map(quote).join(', ')] : []), ...spec.labels.map(describeLabel)];
  if (spec.buckets) facts.push(`buckets: ${spec.buckets.join(' ')} s`);
  if (facts.length > 0) lines.push('', ...facts.map((fact) => `- ${fact}`));
  return lines.join('\n');
}

function describeLabel(label: LabelSpec): string {
  if (!isClosed(label)) return `${quote(label.name)}: open, at most ${label.maxValues} values`;
  const otherwise = label.otherwise === undefined ? '' : ` (anything else: ${quote(label.otherwise)})`;
  return `${quote(label.name)}: ${label.values.map(quote).join(' ')}${otherwise}`;
}

function quote(text: string): string {
  return `\`${text}\``;
}
