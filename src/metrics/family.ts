/**
 * The series of one metric family, by label values.
 *
 * In: label values as the core has them. Out: one child a label set, the same object each time, and the children in a fixed order
 * for exposition. Invariants: every label value is a valid, bounded text (label-text.ts); a closed label has only values of its
 * set; an open label has at most `maxValues` distinct values besides `_overflow`, so the number of children is bounded by the
 * product of both. Children with no room are refused into `_overflow`, never dropped: sums stay right.
 */

import type { FamilySpec, LabelSpec } from './family-spec.ts';
import { DEVICE_LABELS, isClosed, OVERFLOW } from './family-spec.ts';
import { KEY_SEPARATOR, toLabelText } from './label-text.ts';

/** One series (of a histogram: one set of series). */
export interface Child<T> {
  /** In the order of the family's label names. */
  readonly labelValues: readonly string[];
  /** The same by name, one object for the child's whole life: the registry's label cache hangs on its identity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly metric: T;
}

export class Family<T> {
  readonly spec: FamilySpec;
  /** With `user_id` and `device_id` in front where the family is per device. */
  readonly labelNames: readonly string[];
  readonly #create: () => T;
  readonly #onRefused: () => void;
  readonly #deviceLabelCount: number;
  /** Distinct values seen so far of each open label. */
  readonly #openValues = new Map<OpenLabelName, Set<string>>();
  readonly #children = new Map<string, Child<T>>();
  #ordered: readonly Child<T>[] | null = null;

  /** `onRefused` is called each time a label set had no room and went into `_overflow`. */
  constructor(spec: FamilySpec, create: () => T, onRefused: () => void) {
    this.spec = spec;
    const deviceLabels = spec.isPerDevice ? DEVICE_LABELS : [];
    this.labelNames = [...deviceLabels, ...spec.labels.map((label) => label.name)];
    this.#deviceLabelCount = deviceLabels.length;
    this.#create = create;
    this.#onRefused = onRefused;
    if (!spec.isPerDevice) this.createAll([]);
  }

  get size(): number {
    return this.#children.size;
  }

  /**
   * The child of these label values, created at its first mention. TypeError if the number of values is wrong, or if a value isn't
   * one of a closed label's.
   */
  child(labelValues: readonly string[]): Child<T> {
    // Keys are made of clean values, and a raw value that isn't clean can't give the key of a clean set, so most calls end here.
    const known = labelValues.length === this.labelNames.length ? this.#children.get(labelValues.join(KEY_SEPARATOR)) : undefined;
    return known ?? this.#childOf(this.#toLabelValues(labelValues));
  }

  /** Whether `child` would take these label values: the right number, and only values that closed labels have. */
  accepts(labelValues: readonly string[]): boolean {
    if (labelValues.length !== this.labelNames.length) return false;
    return this.spec.labels.every((label, index) => {
      const value = labelValues[index + this.#deviceLabelCount] ?? '';
      return !isClosed(label) || label.values.includes(value) || label.otherwise !== undefined;
    });
  }

  /**
   * Creates, at 0, every child that `leading` label values have for sure: all combinations of the labels after them. Nothing is
   * created if one of those labels is open.
   */
  createAll(leading: readonly string[]): void {
    const rest = this.spec.labels.slice(leading.length - this.#deviceLabelCount);
    if (!rest.every(isClosed)) return;
    for (const values of combinations(rest)) this.child([...leading, ...values]);
  }

  /** Takes one child out, so that its series ends; undefined if there is none of exactly these values. */
  delete(labelValues: readonly string[]): T | undefined {
    const key = labelValues.join(KEY_SEPARATOR);
    const child = this.#children.get(key);
    if (!child) return undefined;
    this.#children.delete(key);
    this.#ordered = null;
    return child.metric;
  }

  /** Takes out every child of a per-device family that one device has. */
  deleteDevice(userId: string, deviceId: string): readonly T[] {
    const own = combinations(this.spec.labels).map((values) => this.delete([userId, deviceId, ...values]));
    return own.filter((metric) => metric !== undefined);
  }

  /** All children, ordered by label values (code units), whatever order they came in. */
  children(): readonly Child<T>[] {
    this.#ordered ??= [...this.#children].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, child]) => child);
    return this.#ordered;
  }

  #childOf(labelValues: readonly string[]): Child<T> {
    const key = labelValues.join(KEY_SEPARATOR);
    const known = this.#children.get(key);
    if (known) return known;
    const labels = Object.fromEntries(this.labelNames.map((name, index) => [name, labelValues[index] ?? '']));
    const child = { labelValues, labels, metric: this.#create() };
    this.#children.set(key, child);
    this.#ordered = null;
    return child;
  }

  #toLabelValues(raw: readonly string[]): readonly string[] {
    if (raw.length !== this.labelNames.length) {
      const expected = `expected ${this.labelNames.length} (${this.labelNames.join(', ')})`;
      throw new TypeError(`Cannot use metric "${this.spec.name}": ${raw.length} label values, ${expected}`);
    }
    let isRefused = false;
    const values = raw.map((text, index) => {
      const label = this.spec.labels[index - this.#deviceLabelCount];
      if (!label) return toLabelText(text);
      if (isClosed(label)) return this.#closedValue(label.name, label.values, label.otherwise, text);
      const value = this.#openValue(label.name, label.maxValues, toLabelText(text));
      isRefused ||= value === null;
      return value ?? OVERFLOW;
    });
    if (isRefused) this.#onRefused();
    return values;
  }

  #closedValue(name: string, values: readonly string[], otherwise: string | undefined, text: string): string {
    if (values.includes(text)) return text;
    if (otherwise !== undefined) return otherwise;
    throw new TypeError(`Cannot use metric "${this.spec.name}": label "${name}" is "${text}", expected one of ${values.join(', ')}`);
  }

  /** Null if the value is new and there is no room for it. */
  #openValue(name: string, maxValues: number, value: string): string | null {
    if (value === OVERFLOW) return value;
    let seen = this.#openValues.get(name);
    if (!seen) {
      seen = new Set();
      this.#openValues.set(name, seen);
    }
    if (!seen.has(value) && seen.size >= maxValues) return null;
    seen.add(value);
    return value;
  }
}

type OpenLabelName = LabelSpec['name'];

function combinations(labels: readonly LabelSpec[]): readonly (readonly string[])[] {
  let sets: readonly (readonly string[])[] = [[]];
  for (const label of labels) {
    if (isClosed(label)) sets = sets.flatMap((set) => label.values.map((value) => [...set, value]));
  }
  return sets;
}
