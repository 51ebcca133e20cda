/** Facts for tests: each with the values that say nothing, to be overridden by what a test is about. */
import type {
  DelayedEventRequest,
  KeyUpload,
  LatencySlice,
  LogHole,
  Provenance,
  StateEventSent,
  ToDeviceMessages,
  ToDeviceSend,
} from '../../src/facts/fact.ts';

export const PROVENANCE: Provenance = { source: 'homeserver.log', positions: [0], requestId: 'POST-1', incarnation: 0, ruleId: 'test' };
const BASE = { timeMs: 1000, provenance: PROVENANCE } as const;

export function toDeviceSend(more: Partial<ToDeviceSend> = {}): ToDeviceSend {
  return {
    ...BASE,
    kind: 'to_device_send',
    clientHash: 0,
    eventType: 'm.room.encrypted',
    isMediaKey: false,
    isOk: true,
    sender: null,
    ...more,
  };
}

export function toDeviceMessages(more: Partial<ToDeviceMessages> = {}): ToDeviceMessages {
  return { ...BASE, kind: 'to_device_messages', stage: 'stored', isMediaKey: false, sender: null, messages: [], ...more };
}

export function delayedEventRequest(more: Partial<DelayedEventRequest> = {}): DelayedEventRequest {
  return {
    ...BASE,
    kind: 'delayed_event_request',
    action: 'restart',
    outcome: 'ok',
    status: 200,
    isClientGone: false,
    isUnknownPath: false,
    durationMs: 1,
    userId: null,
    clientHash: 0,
    addressHash: 0,
    delayIdHash: null,
    schedule: null,
    ...more,
  };
}

export function stateEventSent(more: Partial<StateEventSent> = {}): StateEventSent {
  return {
    ...BASE,
    kind: 'state_event_sent',
    roomId: '!a:example.org',
    eventType: 'org.matrix.msc3401.call.member',
    stateKey: '',
    isOk: true,
    userId: null,
    clientHash: 0,
    ...more,
  };
}

export function logHole(more: Partial<LogHole> = {}): LogHole {
  return { ...BASE, kind: 'log_hole', fromMs: 0, ...more };
}

export function latencySlice(more: Partial<LatencySlice> = {}): LatencySlice {
  return { ...BASE, kind: 'latency_slice', second: 0, counts: [], ...more };
}

export function keyUpload(more: Partial<KeyUpload> = {}): KeyUpload {
  return {
    ...BASE,
    kind: 'key_upload',
    userId: null,
    deviceId: null,
    offeredKeyIds: [],
    hasDeviceKeys: false,
    refusals: [],
    outcome: null,
    access: null,
    ...more,
  };
}
