/**
 * Incidents as numbers that Prometheus sees. In: all incidents, before a scrape. Out: gauges of the store.
 */
import type { Incident, KnownFault } from './incident.ts';
import type { MetricStore } from './metrics/metric-store.ts';

export function feedIncidentMetrics(incidents: readonly Incident[], metrics: MetricStore): void {
  const open: Record<KnownFault, number> = { 'KE-1': 0, 'KE-2': 0, 'KE-3': 0, 'KE-4': 0 };
  for (const { ke, isOpen } of incidents) if (isOpen) open[ke]++;
  for (const [ke, count] of Object.entries(open)) metrics.gauge('lotus_e2ee_incidents_open', ke).set(count);
}
