/**
 * Every metric family of the watcher, as data: what it is called, what it means, which labels it has and what bounds them.
 *
 * In: the lists in families/, one a concern. Out: CATALOGUE, and the names as types (a misspelt family doesn't compile). metric-store.ts
 * creates series from it, daemon/http/registry.ts prints it, reference.ts writes deploy/METRICS.md from it. Names and labels are read by
 * scripts, panels and alerts (contract.md): a change here is a [CHANGE] in the CHANGELOG.
 *
 * Invariants, held by test/src/metrics/catalogue.test.ts: base units in names, `_total` on counters and on nothing else, no quote,
 * backslash or newline in a help text (the library doesn't escape quotes for OpenMetrics), buckets ascend and are finite.
 */
import { DELAYED_EVENT_FAMILIES } from './families/delayed-events.ts';
import { HOMESERVER_FAMILIES } from './families/homeserver.ts';
import { ONE_TIME_KEY_FAMILIES } from './families/one-time-keys.ts';
import { PROCESS_FAMILIES } from './families/process.ts';
import { SOURCE_FAMILIES } from './families/sources.ts';
import { TO_DEVICE_FAMILIES } from './families/to-device.ts';
import { WATCHER_FAMILIES } from './families/watcher.ts';
import type { FamilySpec } from './family-spec.ts';

/** In the order in which they are printed. */
export const CATALOGUE = [
  ...ONE_TIME_KEY_FAMILIES,
  ...TO_DEVICE_FAMILIES,
  ...DELAYED_EVENT_FAMILIES,
  ...HOMESERVER_FAMILIES,
  ...SOURCE_FAMILIES,
  ...WATCHER_FAMILIES,
  ...PROCESS_FAMILIES,
] as const satisfies readonly FamilySpec[];

type Entry = (typeof CATALOGUE)[number];
type PerDevice = Extract<Entry, { readonly isPerDevice: true }>;
type Plain = Exclude<Entry, { readonly isPerDevice: true }>;

export type CounterName = Extract<Plain, { readonly type: 'counter' }>['name'];
export type GaugeName = Extract<Plain, { readonly type: 'gauge' }>['name'];
export type HistogramName = Extract<Plain, { readonly type: 'histogram' }>['name'];
/** Families with `user_id` and `device_id` in front of their own labels. */
export type DeviceCounterName = Extract<PerDevice, { readonly type: 'counter' }>['name'];
export type DeviceGaugeName = Extract<PerDevice, { readonly type: 'gauge' }>['name'];
export type DeviceHistogramName = Extract<PerDevice, { readonly type: 'histogram' }>['name'];
