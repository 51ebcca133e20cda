/** The list of incidents: all stages', in their order, bounded. */
import { describe, expect, it } from 'vitest';
import type { Incident } from '../../../src/incident.ts';
import { INCIDENT_AGE_MS, IncidentList, MAX_INCIDENTS } from '../../../src/incidents/incident-list.ts';

const incident = (id: string, firstMs: number, isOpen: boolean, lastMs = firstMs): Incident => ({
  id,
  ke: 'KE-1',
  kind: 'otk_storm',
  userId: null,
  deviceId: null,
  level: 'observed',
  firstMs,
  lastMs,
  isOpen,
  summary: '',
  evidence: [],
  remediation: [],
});
const listOf = (nowMs: number, ...sources: readonly Incident[][]) =>
  new IncidentList(sources.map((own) => ({ incidents: () => own }))).list(nowMs).map(({ id }) => id);

describe('incidents', () => {
  it('of all stages stand in the order in which they began', () => {
    expect(listOf(100, [incident('b', 20, true), incident('a', 20, true)], [incident('c', 10, false)])).toEqual(['c', 'a', 'b']);
  });

  it('that ended a month ago are left out, those that are open are not', () => {
    const now = 2 * INCIDENT_AGE_MS;
    const just = incident('just', 0, false, now - INCIDENT_AGE_MS);
    expect(listOf(now, [just, incident('old', 0, false, now - INCIDENT_AGE_MS - 1), incident('open', 0, true, 0)])).toEqual([
      'just',
      'open',
    ]);
    expect(listOf(Number.NaN, [incident('timeless', Number.NaN, false)])).toEqual(['timeless']);
  });

  it('beyond the bound give way: closed ones first, then the older', () => {
    const many = Array.from({ length: MAX_INCIDENTS }, (_, i) => incident(`o${i}`, i, true));
    const list = listOf(MAX_INCIDENTS, [...many, incident('closed', MAX_INCIDENTS, false), incident('newer', MAX_INCIDENTS, true)]);
    expect([list.length, list.includes('closed'), list.includes('o0'), list.includes('newer')]).toEqual([
      MAX_INCIDENTS,
      false,
      false,
      true,
    ]);
  });
});
