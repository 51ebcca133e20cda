/**
 * What a metric family is made of. The families themselves are in families/, their whole list in catalogue.ts.
 */

/** A label whose values are all known: each combination exists at 0 from the start. Any other value becomes `otherwise`, or is a TypeError where that isn't given. */
export interface ClosedLabel {
  readonly name: string;
  readonly values: readonly string[];
  readonly otherwise?: string;
}

/** A label whose values come from outside (a file's name, a logger). From the `maxValues`-th distinct value on it is `_overflow`. */
export interface OpenLabel {
  readonly name: string;
  readonly maxValues: number;
}

export type LabelSpec = ClosedLabel | OpenLabel;

export interface FamilySpec {
  /** With prefix and unit, example `lotus_e2ee_to_device_delivery_seconds`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What one step of the value is, in words, example `seconds`, `requests`. */
  readonly unit: string;
  /** One or two sentences for the operator; says by which rule the value comes about. */
  readonly help: string;
  /** Without `user_id` and `device_id` of a per-device family; those come first there. */
  readonly labels: readonly LabelSpec[];
  /** Upper bounds in seconds, ascending, without +Inf. Only, and always, on histograms. */
  readonly buckets?: readonly number[];
  /** One series set a device: bounded by maxDeviceSeries, forgotten after deviceIdleMs, never zero-initialised. */
  readonly isPerDevice?: true;
  /** Speaks of this process or of the present moment, so it isn't part of the stored state and begins anew with each start. */
  readonly isPerProcess?: true;
  /** The family exists, but nothing writes to it in this version; METRICS.md says so. */
  readonly isNotYetFed?: true;
  /** For whoever looks into the watcher itself: on no panel of deploy/grafana and in no rule of deploy/prometheus. */
  readonly isDebug?: true;
}

/** Label value of what has no room in a bounded family. */
export const OVERFLOW = '_overflow';

/** Labels in front of a per-device family's own ones. */
export const DEVICE_LABELS: readonly string[] = ['user_id', 'device_id'];

/** Whether the label's values are all known. */
export function isClosed(label: LabelSpec): label is ClosedLabel {
  return 'values' in label;
}
