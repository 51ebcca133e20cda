import { expect, it } from 'vitest';
import { DEVICE_FLAGS } from '../../../src/devices/device.ts';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import type { FamilySpec } from '../../../src/metrics/family-spec.ts';
import { isClosed } from '../../../src/metrics/family-spec.ts';
import { UNTRUSTED_REASONS } from '../../../src/requests/record-trust.ts';

const SPECS: readonly FamilySpec[] = CATALOGUE;

/** contract.md "Metrics that scripts and panels name", with the labels it gives; `per device` stands for user_id, device_id. */
const CONTRACT: readonly (readonly [name: string, type: string, ...labels: string[]])[] = [
  ['lotus_e2ee_otk_conflicts_total', 'counter'],
  ['lotus_e2ee_device_otk_conflicts_total', 'counter', 'per device'],
  ['lotus_e2ee_key_uploads_total', 'counter', 'outcome'],
  ['lotus_e2ee_key_claims_total', 'counter', 'kind'],
  ['lotus_e2ee_poisoned_claims_total', 'counter'],
  ['lotus_e2ee_devices', 'gauge', 'state'],
  ['lotus_e2ee_active_storms', 'gauge', 'cause'],
  ['lotus_e2ee_device_storm_active', 'gauge', 'per device', 'cause'],
  ['lotus_e2ee_to_device_sends_total', 'counter', 'event_type', 'outcome'],
  ['lotus_e2ee_to_device_messages_total', 'counter', 'stage'],
  ['lotus_e2ee_device_to_device_messages_total', 'counter', 'per device', 'stage'],
  ['lotus_e2ee_to_device_delivery_seconds', 'histogram'],
  ['lotus_e2ee_delayed_event_request_duration_seconds', 'histogram', 'action', 'outcome'],
  ['lotus_e2ee_device_delayed_event_request_duration_seconds', 'histogram', 'per device'],
  ['lotus_e2ee_delayed_event_client_timeouts_total', 'counter', 'attribution'],
  ['lotus_e2ee_delayed_event_drops_total', 'counter'],
  ['lotus_e2ee_homeserver_request_duration_seconds', 'histogram'],
  ['lotus_e2ee_untrusted_records_total', 'counter', 'reason'],
  ['lotus_e2ee_watch_log_lines_total', 'counter', 'source'],
  ['lotus_e2ee_watch_log_bytes_total', 'counter', 'source'],
  ['lotus_e2ee_watch_unrecognised_total', 'counter', 'source', 'reason'],
  ['lotus_e2ee_watch_last_record_timestamp_seconds', 'gauge', 'source'],
  ['lotus_e2ee_watch_unread_bytes', 'gauge', 'source'],
  ['lotus_e2ee_watch_rotations_total', 'counter', 'source', 'kind'],
  ['lotus_e2ee_watch_gaps_total', 'counter', 'source'],
  ['lotus_e2ee_watch_lost_bytes_total', 'counter', 'source'],
  ['lotus_e2ee_watch_joins_total', 'counter', 'outcome'],
  ['lotus_e2ee_watch_joins_open', 'gauge'],
  ['lotus_e2ee_watch_catching_up', 'gauge'],
  ['lotus_e2ee_watch_state_commit_timestamp_seconds', 'gauge'],
  ['lotus_e2ee_watch_state_commit_failures_total', 'counter'],
  ['lotus_e2ee_watch_series', 'gauge'],
  ['lotus_e2ee_watch_series_limit', 'gauge'],
  ['lotus_e2ee_watch_series_rejected_total', 'counter', 'metric'],
  ['lotus_e2ee_watch_rules_loaded', 'gauge'],
  ['lotus_e2ee_watch_config_last_reload_successful', 'gauge'],
  ['lotus_e2ee_watch_build_info', 'gauge', 'version', 'node_version'],
];

it.each(CONTRACT)('catalogue has %s as scripts and panels name it', (name, type, ...labels) => {
  const spec = SPECS.find((each) => each.name === name);
  expect(spec?.type).toBe(type);
  expect([...(spec?.isPerDevice ? ['per device'] : []), ...(spec?.labels ?? []).map((label) => label.name)]).toEqual(labels);
});

it.each([
  ['lotus_e2ee_key_uploads_total', 'outcome', ['accepted', 'conflict', 'rejected', 'client_gave_up', 'failed']],
  ['lotus_e2ee_key_claims_total', 'kind', ['one_time', 'fallback']],
  ['lotus_e2ee_devices', 'state', ['healthy', 'isolated', 'storm', 'dormant', 'closed']],
  ['lotus_e2ee_delayed_event_request_duration_seconds', 'action', ['schedule', 'restart', 'cancel', 'send', 'unknown']],
  ['lotus_e2ee_delayed_event_request_duration_seconds', 'outcome', ['ok', 'client_gave_up', 'rate_limited', 'not_found', 'failed']],
  ['lotus_e2ee_delayed_event_client_timeouts_total', 'attribution', ['homeserver_slow', 'homeserver_healthy', 'unknown']],
  ['lotus_e2ee_watch_joins_total', 'outcome', ['closed', 'expired', 'evicted']],
  ['lotus_e2ee_watch_rotations_total', 'kind', ['rename', 'delete', 'truncate', 'relink']],
])('%s has exactly the values of the contract in its label %s', (name, labelName, values) => {
  const label = SPECS.find((each) => each.name === name)?.labels.find((each) => each.name === labelName);
  expect(label && isClosed(label) ? label.values : null).toEqual(values);
});

it('names occur once, also after OpenMetrics took _total off', () => {
  const names = SPECS.map(({ name }) => name.replace(/_total$/, ''));
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

it.each(SPECS.map((spec) => [spec.name, spec] as const))('%s keeps the naming rules of Prometheus', (name, spec) => {
  expect(name).toMatch(/^(?:lotus_e2ee|process)_[a-z0-9_]+$/);
  expect(name.endsWith('_total')).toBe(spec.type === 'counter');
  expect(name).not.toMatch(/_(?:ms|milliseconds|minutes|bucket|sum|count)(?:_total)?$/);
  if (spec.unit.startsWith('seconds')) expect(name).toMatch(/_seconds(?:_total)?$/);
  if (spec.unit === 'bytes') expect(name).toMatch(/_bytes(?:_total)?$/);
});

it.each(SPECS.map((spec) => [spec.name, spec] as const))('%s has a help text that both formats print alike', (_, { help }) => {
  expect(help).toMatch(/^[A-Z].*\.$/);
  expect(help).not.toMatch(/["\\\n|]/);
});

it.each(SPECS.map((spec) => [spec.name, spec] as const))('%s has buckets if, and only if, it is a histogram', (_, { type, buckets }) => {
  expect(buckets !== undefined).toBe(type === 'histogram');
  expect([...(buckets ?? [])].sort((a, b) => a - b)).toEqual(buckets ?? []);
  expect(new Set(buckets).size).toBe(buckets?.length ?? 0);
  expect((buckets ?? []).every((bound) => bound > 0 && Number.isFinite(bound))).toBe(true);
});

it.each(SPECS.map((spec) => [spec.name, spec] as const))('%s has bounded labels that the formats allow', (_, { labels, isPerDevice }) => {
  for (const label of labels) {
    expect(label.name).toMatch(/^[a-z][a-z_]*$/);
    expect(['le', 'quantile', 'type', 'user_id', 'device_id', 'job', 'instance']).not.toContain(label.name);
    if (!isClosed(label)) {
      expect(label.maxValues).toBeGreaterThan(0);
      // Otherwise a device's series couldn't be ended without looking at all series.
      expect(isPerDevice).toBeUndefined();
      continue;
    }
    expect(new Set(label.values).size).toBe(label.values.length);
    if (label.otherwise !== undefined) expect(label.values).toContain(label.otherwise);
  }
});

it('series_rejected_total has room for every family', () => {
  const label = SPECS.find(({ name }) => name === 'lotus_e2ee_watch_series_rejected_total')?.labels[0];
  expect(label && !isClosed(label) && label.maxValues).toBeGreaterThan(SPECS.length);
});

it('untrusted records have a label value for each reason there is', () => {
  const label = SPECS.find(({ name }) => name === 'lotus_e2ee_untrusted_records_total')?.labels[0];
  expect(label && isClosed(label) ? label.values : null).toEqual([...UNTRUSTED_REASONS, 'other']);
});

it('devices have a label value for each flag there is', () => {
  const label = SPECS.find(({ name }) => name === 'lotus_e2ee_flagged_devices')?.labels[0];
  expect(label && isClosed(label) ? label.values : null).toEqual(DEVICE_FLAGS);
});
