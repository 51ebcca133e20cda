import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MetricStore } from '../../../src/metrics/metric-store.ts';

/** One thing the core does to a store. */
type Step = (store: MetricStore) => void;

const MAX_DEVICES = 4;
const IDLE_MS = 1000;
const OPTIONS = { maxDeviceSeries: MAX_DEVICES, deviceIdleMs: IDLE_MS };

/** Few texts, so that series meet again, and hostile ones among them. */
const text = fc.oneof(
  fc.constantFrom('a', 'b', '_overflow', '', '"\\\n', '\ud800', 'x'.repeat(600)),
  fc.string({ maxLength: 3, unit: 'binary' }),
);
const timeMs = fc.integer({ min: 0, max: 5000 });
const amount = fc.integer({ min: 0, max: 1000 });
const seconds = fc.double({ min: -1, max: 100, noNaN: true });
const stage = fc.constantFrom('stored', 'returned', 'dropped');
const cause = fc.constantFrom('rollback', 'unknown');
const stormRow = fc.record({ userId: text, deviceId: text, labelValues: fc.tuple(cause), value: fc.constant(1) });

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(text, text, amount).map(
    ([source, reason, n]): Step =>
      (store) =>
        store.counter('lotus_e2ee_watch_unrecognised_total', source, reason).add(n),
  ),
  amount.map(
    (n): Step =>
      (store) =>
        store.counter('lotus_e2ee_otk_conflicts_total').add(n),
  ),
  fc.integer().map(
    (n): Step =>
      (store) =>
        store.gauge('lotus_e2ee_watch_joins_open').set(n),
  ),
  fc.tuple(seconds, fc.option(text, { nil: undefined })).map(
    ([duration, requestId]): Step =>
      (store) =>
        store.histogram('lotus_e2ee_to_device_delivery_seconds').observe(duration, requestId),
  ),
  fc.tuple(text, text, timeMs, amount).map(
    ([user, device, now, n]): Step =>
      (store) =>
        store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', user, device, now).add(n),
  ),
  fc.tuple(text, text, timeMs, stage, amount).map(
    ([user, device, now, at, n]): Step =>
      (store) =>
        store.deviceCounter('lotus_e2ee_device_to_device_messages_total', user, device, now, at).add(n),
  ),
  fc.tuple(text, text, timeMs, seconds).map(
    ([user, device, now, duration]): Step =>
      (store) =>
        store
          .deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', user, device, now)
          .observe(duration, 'GET-1', now),
  ),
  fc.tuple(timeMs, fc.array(stormRow, { maxLength: 6 })).map(
    ([now, rows]): Step =>
      (store) =>
        store.replaceDeviceGauges('lotus_e2ee_device_storm_active', now, rows),
  ),
  timeMs.map(
    (now): Step =>
      (store) =>
        store.expireIdleDevices(now),
  ),
  text.map(
    (source): Step =>
      (store) =>
        store.declareSource(source),
  ),
);
const steps = fc.array(step, { maxLength: 60 });

function storeAfter(...sequences: readonly (readonly Step[])[]): MetricStore {
  const store = new MetricStore(OPTIONS);
  for (const take of sequences.flat()) take(store);
  return store;
}

/** All that a scrape could see, as plain data. */
function contentOf(store: MetricStore): unknown {
  return [...store.families()].map(({ name, children }) => [name, children.map(({ labels, metric }) => [labels, { ...metric }])]);
}

/** As a database would give it back. */
function overJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

it('what is loaded equals what was dumped, and counting goes on the same way', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const original = storeAfter(before);
      const loaded = new MetricStore(OPTIONS);
      expect(loaded.load(overJson(original.dump()))).toEqual([]);
      expect(contentOf(loaded)).toEqual(contentOf(original));
      expect(loaded.dump()).toEqual(original.dump());
      expect(loaded.sums()).toEqual(original.sums());
      for (const take of after) {
        take(loaded);
        take(original);
      }
      expect(loaded.sums()).toEqual(original.sums());
      expect(contentOf(loaded)).toEqual(contentOf(original));
    }),
  );
});

it('loading over a store in use gives the same sums as loading into a new one', () => {
  fc.assert(
    fc.property(steps, steps, (before, inUse) => {
      const dump = storeAfter(before).dump();
      const fresh = new MetricStore(OPTIONS);
      fresh.load(dump);
      const used = storeAfter(inUse);
      used.load(dump);
      expect(used.sums()).toEqual(fresh.sums());
      expect(used.dump().devices).toEqual(fresh.dump().devices);
    }),
  );
});

it('no sequence of records pushes a family over its bound, and none loses a count', () => {
  const record = fc.tuple(text, text, timeMs, stage, amount);
  fc.assert(
    fc.property(fc.array(record, { maxLength: 200 }), steps, (records, others) => {
      const store = storeAfter(others);
      const start = store.sums()['lotus_e2ee_device_to_device_messages_total'] ?? 0;
      let counted = 0;
      for (const [user, device, now, at, n] of records) {
        store.deviceCounter('lotus_e2ee_device_to_device_messages_total', user, device, now, at).add(n);
        store.counter('lotus_e2ee_watch_unrecognised_total', user, `${device}${n}`).add(n);
        if (n % 10 === 0) store.expireIdleDevices(now);
        counted += n;
      }
      expect(store.sums()['lotus_e2ee_device_to_device_messages_total']).toBe(start + counted);
      const sizes = Object.fromEntries([...store.families()].map(({ name, children }) => [name, children.length]));
      expect(sizes['lotus_e2ee_device_to_device_messages_total']).toBeLessThanOrEqual((MAX_DEVICES + 1) * 3);
      expect(sizes['lotus_e2ee_device_otk_conflicts_total']).toBeLessThanOrEqual(MAX_DEVICES + 1);
      expect(store.gauge('lotus_e2ee_watch_series').value).toBeLessThanOrEqual(MAX_DEVICES);
      const reasons = [...store.families()].find(({ name }) => name === 'lotus_e2ee_watch_unrecognised_total')?.children ?? [];
      expect(new Set(reasons.map(({ labels }) => labels['reason'])).size).toBeLessThanOrEqual(51);
    }),
  );
});
