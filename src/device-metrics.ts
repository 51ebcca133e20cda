/**
 * How devices stand as numbers that Prometheus sees. In: the table, before a scrape. Out: gauges and counters of the store. It looks at devices that
 * ever were in trouble alone, so it costs nothing for the others.
 */
import { DEVICE_FLAGS, hasFlag } from './devices/device.ts';
import type { DeviceTable } from './devices/device-table.ts';
import { causeOf, stateOf } from './devices/device-view.ts';
import type { DeviceGaugeValue, MetricStore } from './metrics/metric-store.ts';

const CAUSES = ['identity_reset', 'volatile_store', 'rollback', 'concurrent_writers', 'server_rollback', 'unknown'] as const;

export function feedDeviceMetrics(devices: DeviceTable, metrics: MetricStore): void {
  metrics.counter('lotus_e2ee_key_claims_total', 'one_time').value = devices.claims.oneTime;
  metrics.counter('lotus_e2ee_key_claims_total', 'fallback').value = devices.claims.fallback;
  metrics.counter('lotus_e2ee_poisoned_claims_total').value = devices.claims.poisoned;
  for (const [state, count] of Object.entries(devices.countStates())) metrics.gauge('lotus_e2ee_devices', state).set(count);
  for (const flag of DEVICE_FLAGS) {
    let count = 0;
    for (const device of devices.troubled) if (hasFlag(device, flag)) count++;
    metrics.gauge('lotus_e2ee_flagged_devices', flag).set(count);
  }
  const active: Record<string, number> = Object.fromEntries(CAUSES.map((cause) => [cause, 0]));
  const rows: DeviceGaugeValue[] = [];
  for (const device of devices.troubled) {
    if (stateOf(device, devices.nowMs) !== 'storm') continue;
    const cause = causeOf(device)?.name ?? 'unknown';
    active[cause] = (active[cause] ?? 0) + 1;
    rows.push({ userId: device.userId, deviceId: device.deviceId, labelValues: [cause], value: 1 });
  }
  for (const [cause, count] of Object.entries(active)) metrics.gauge('lotus_e2ee_active_storms', cause).set(count);
  metrics.replaceDeviceGauges('lotus_e2ee_device_storm_active', devices.nowMs, rows);
}
