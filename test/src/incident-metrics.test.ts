import { expect, it } from 'vitest';
import type { Incident, KnownFault } from '../../src/incident.ts';
import { feedIncidentMetrics } from '../../src/incident-metrics.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';

function incident(ke: KnownFault, isOpen: boolean): Incident {
  return {
    id: ke,
    ke,
    kind: 'otk_storm',
    userId: null,
    deviceId: null,
    level: 'derived',
    firstMs: 0,
    lastMs: 0,
    isOpen,
    summary: '',
    evidence: [],
    remediation: [],
  };
}

function openOf(metrics: MetricStore): readonly number[] {
  return ['KE-1', 'KE-2', 'KE-3', 'KE-4'].map((ke) => metrics.gauge('lotus_e2ee_incidents_open', ke).value);
}

it('open incidents are counted by fault, closed ones are not, and one that closes is gone', () => {
  const metrics = new MetricStore();
  feedIncidentMetrics([incident('KE-1', true), incident('KE-1', true), incident('KE-4', true), incident('KE-2', false)], metrics);
  expect(openOf(metrics)).toEqual([2, 0, 0, 1]);
  feedIncidentMetrics([incident('KE-1', false)], metrics);
  expect(openOf(metrics)).toEqual([0, 0, 0, 0]);
});
