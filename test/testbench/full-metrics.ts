/** Metrics of many devices, for scrapes that are as large as they get. */
import { MetricStore } from '../../src/metrics/metric-store.ts';

/** Per-device series until there are about `size` in all; ids as hostile as they come. */
export function fullMetrics(size: number): MetricStore {
  const store = new MetricStore({ maxDeviceSeries: size });
  for (let n = 0; sampleCount(store) < size; n++) {
    const user = `@user-${n} "\\\n😀:homeserver.example.org`;
    const device = `DEVICE${n}`;
    store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', user, device, 0).add(n);
    store.deviceCounter('lotus_e2ee_device_to_device_messages_total', user, device, 0, 'stored').add(n);
    store.deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', user, device, 0).observe(n / 100, `POST-${n}`, n);
  }
  return store;
}

/** Series that a scrape prints. */
export function sampleCount(store: MetricStore): number {
  let count = 0;
  for (const family of store.families()) {
    if (family.type === 'histogram') for (const { metric } of family.children) count += metric.counts.length + 2;
    else count += family.children.length;
  }
  return count;
}
