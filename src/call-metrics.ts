/**
 * Calls as numbers that Prometheus sees. In: what the stage tells at once, and its sums before a scrape. Out: counters and histograms of the store.
 * Series per device are for devices in a call, and for those whose keys are in trouble: they are what an operator looks at.
 */
import type { CallListener, Calls } from './calls/calls.ts';
import type { KeyHealth } from './devices/key-health.ts';
import type { MetricStore } from './metrics/metric-store.ts';

export function createCallListener(metrics: MetricStore, keys: KeyHealth): CallListener {
  const delivery = metrics.histogram('lotus_e2ee_to_device_delivery_seconds');
  return {
    onDelivered: (waitMs, requestId, timeMs) => delivery.observe(waitMs / 1000, requestId, timeMs),
    onDeviceMessage(userId, deviceId, stage, timeMs, isInCall) {
      if (!isInCall && keys.divergedSinceMs(userId, deviceId) === null) return;
      metrics.deviceCounter('lotus_e2ee_device_to_device_messages_total', userId, deviceId, timeMs, stage).add(1);
    },
    onDeviceRequest: (userId, deviceId, durationMs, timeMs) =>
      metrics
        .deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', userId, deviceId, timeMs)
        .observe(durationMs / 1000),
  };
}

export function feedCallMetrics({ totals }: Calls, metrics: MetricStore): void {
  for (const [attribution, count] of Object.entries(totals.clientTimeouts))
    metrics.counter('lotus_e2ee_delayed_event_client_timeouts_total', attribution).value = count;
  metrics.counter('lotus_e2ee_delayed_event_drops_total').value = totals.drops;
}
