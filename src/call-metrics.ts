/**
 * Calls as numbers that Prometheus sees. In: what the stage tells at once, and its sums before a scrape. Out: counters and histograms of the store.
 * Series per device are for devices in a call, and for those whose keys are in trouble: they are what an operator looks at.
 */
import type { CallListener, Calls } from './calls/calls.ts';
import type { DeviceTable } from './devices/device-table.ts';
import type { MetricStore } from './metrics/metric-store.ts';

export function createCallListener(metrics: MetricStore, devices: DeviceTable): CallListener {
  const delivery = metrics.histogram('lotus_e2ee_to_device_delivery_seconds');
  return {
    onDelivered: (waitMs, requestId, timeMs) => delivery.observe(waitMs / 1000, requestId, timeMs),
    onDeviceMessage(userId, deviceId, stage, timeMs, isInCall) {
      const isInTrouble = devices.countMessage(userId, deviceId, stage);
      if (!isInCall && !isInTrouble) return;
      metrics.deviceCounter('lotus_e2ee_device_to_device_messages_total', userId, deviceId, timeMs, stage).add(1);
    },
    onDeviceRequest: (userId, deviceId, durationMs, timeMs) =>
      metrics
        .deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', userId, deviceId, timeMs)
        .observe(durationMs / 1000),
  };
}

/** A key that waits longer than this is missing, in log time, ms. Chosen: ten times what makes it late, and beyond a slow /sync. */
const UNDELIVERED_MS = 10_000;

export function feedCallMetrics({ totals, toDevice, book }: Calls, metrics: MetricStore): void {
  for (const [attribution, count] of Object.entries(totals.clientTimeouts))
    metrics.counter('lotus_e2ee_delayed_event_client_timeouts_total', attribution).value = count;
  metrics.counter('lotus_e2ee_delayed_event_drops_total').value = totals.drops;
  let undelivered = 0;
  // In the order in which they were stored.
  for (const { isMediaKey, userId, deviceId, storedMs } of toDevice.waiting.values()) {
    if (!(totals.nowMs - storedMs > UNDELIVERED_MS)) break;
    if (isMediaKey && book.wasInCall(userId, deviceId, totals.nowMs)) undelivered++;
  }
  metrics.gauge('lotus_e2ee_call_keys_undelivered').set(undelivered);
}
