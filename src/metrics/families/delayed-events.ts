/**
 * Delayed events, which keep a call membership alive: requests, time-outs, drops (KE-4).
 */
import type { FamilySpec } from '../family-spec.ts';

/** Request outcomes, decided once a request, at its access line, in the order of contract.md "What each word means". */
const DELAYED_EVENT_OUTCOMES = ['ok', 'client_gave_up', 'rate_limited', 'not_found', 'failed'] as const;

/**
 * Follow the client's timers, not round numbers: matrix-js-sdk `MembershipManager` aborts a restart after 2 s, then waits 3 s; the
 * leave is due 8 s after the last restart (reference/observability.md 1.4).
 */
const DELAYED_EVENT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 15, 30] as const;

export const DELAYED_EVENT_FAMILIES = [
  {
    name: 'lotus_e2ee_delayed_event_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Processing time of delayed-event requests (KE-4). Buckets follow the timers of the client: it gives up on a restart at 2 s and has left the call at 8 s. unknown: the old form, with its action in the body.',
    labels: [
      { name: 'action', values: ['schedule', 'restart', 'cancel', 'send', 'unknown'] },
      { name: 'outcome', values: DELAYED_EVENT_OUTCOMES },
    ],
    buckets: DELAYED_EVENT_BUCKETS,
  },
  {
    name: 'lotus_e2ee_device_delayed_event_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Processing time of delayed-event requests of one device (KE-4). Only devices with an open or recent incident or in a call.',
    labels: [],
    buckets: DELAYED_EVENT_BUCKETS,
    isPerDevice: true,
  },
  {
    name: 'lotus_e2ee_delayed_event_client_timeouts_total',
    type: 'counter',
    unit: 'requests',
    help: 'Delayed-event requests on which the client gave up, by what the homeserver did in that minute: slow (own processing, a stall, or p99 of other requests at 1 s or more), healthy, or unknown (fewer than 20 other requests) (KE-4).',
    labels: [{ name: 'attribution', values: ['homeserver_slow', 'homeserver_healthy', 'unknown'] }],
  },
  {
    name: 'lotus_e2ee_delayed_event_drops_total',
    type: 'counter',
    unit: 'memberships',
    help: 'Call memberships that the server ended because no restart came in time: the first 404 on a delay whose last restart is its delay or longer ago (KE-4).',
    labels: [],
  },
] as const satisfies readonly FamilySpec[];
