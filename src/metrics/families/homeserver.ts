/**
 * The homeserver as a whole: incidents, how fast it answers, and what in its log can't be trusted.
 */
import type { FamilySpec } from '../family-spec.ts';

/** What is wrong with a record that may be forged: UNTRUSTED_REASONS of src/requests/record-trust.ts. Closed, so that the first one of a kind shows in `increase()`. */
const DISTRUST = {
  name: 'reason',
  values: ['size', 'tail', 'number_used_twice', 'number_off_sequence', 'start_order', 'stamp_steps_back', 'unsure', 'other'],
  otherwise: 'other',
} as const;

/** The faults that the operator's runbook numbers (src/incident.ts). */
const KNOWN_FAULT = { name: 'ke', values: ['KE-1', 'KE-2', 'KE-3', 'KE-4'] } as const;

export const HOMESERVER_FAMILIES = [
  {
    name: 'lotus_e2ee_incidents_open',
    type: 'gauge',
    unit: 'incidents',
    help: 'Incidents open now, by known fault: KE-1 one-time keys, KE-2 call keys, KE-3 undecryptable events, KE-4 delayed events.',
    labels: [KNOWN_FAULT],
  },
  {
    name: 'lotus_e2ee_homeserver_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Processing time of all requests, without syncs and long polls: how fast the homeserver is at all (KE-4).',
    labels: [],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  {
    name: 'lotus_e2ee_untrusted_records_total',
    type: 'counter',
    unit: 'records',
    help: 'Records that may be forged (a request number twice or off the sequence, a stamp off the order, two readings of one line). They count here and nowhere else.',
    labels: [DISTRUST],
  },
] as const satisfies readonly FamilySpec[];
