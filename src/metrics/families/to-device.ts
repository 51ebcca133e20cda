/**
 * To-device messages, which carry room keys and call keys: sent, stored, returned, dropped, and how long that took (KE-2).
 */
import type { FamilySpec } from '../family-spec.ts';

/**
 * To-device types that clients of E2EE and calls send: spec v1.11 "Send-to-Device messaging" and its modules, MSC3401 (call
 * signalling), MSC4143 (call keys), and the unstable names still in use. A client may send any text as type: `other`.
 */
const TO_DEVICE_EVENT_TYPES = [
  'm.room.encrypted',
  'm.room_key',
  'm.room_key.withheld',
  'org.matrix.room_key.withheld',
  'm.room_key_request',
  'm.forwarded_room_key',
  'm.dummy',
  'm.secret.request',
  'm.secret.send',
  'm.key.verification.request',
  'm.key.verification.ready',
  'm.key.verification.start',
  'm.key.verification.accept',
  'm.key.verification.key',
  'm.key.verification.mac',
  'm.key.verification.done',
  'm.key.verification.cancel',
  'io.element.call.encryption_keys',
  'm.rtc.encryption_key',
  'm.call.invite',
  'm.call.candidates',
  'm.call.answer',
  'm.call.hangup',
  'other',
] as const;

export const TO_DEVICE_FAMILIES = [
  {
    name: 'lotus_e2ee_to_device_sends_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests that send to-device messages, by event type. ok: answered 2xx; failed: any other answer. other: a type that is not in this list.',
    labels: [
      { name: 'event_type', values: TO_DEVICE_EVENT_TYPES, otherwise: 'other' },
      { name: 'outcome', values: ['ok', 'failed'] },
    ],
  },
  {
    name: 'lotus_e2ee_to_device_messages_total',
    type: 'counter',
    unit: 'messages',
    help: 'To-device messages by how far they came: stored for a device, returned to it by a sync, dropped because the device is unknown (KE-2). Needs Synapse debug records.',
    labels: [{ name: 'stage', values: ['stored', 'returned', 'dropped'] }],
  },
  {
    name: 'lotus_e2ee_device_to_device_messages_total',
    type: 'counter',
    unit: 'messages',
    help: 'To-device messages for one device, by how far they came (KE-2). Only devices with an open or recent incident or in a call.',
    labels: [{ name: 'stage', values: ['stored', 'returned', 'dropped'] }],
    isPerDevice: true,
  },
  {
    name: 'lotus_e2ee_to_device_delivery_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time between storing a to-device message and returning it by a sync of its device, on log time (KE-2).',
    labels: [],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60],
  },
  {
    name: 'lotus_e2ee_call_keys_undelivered',
    type: 'gauge',
    unit: 'messages',
    help: 'Call keys that wait now, for over 10 s, for a device that is in the call: stored for it, and returned by no sync of it (KE-2). Needs Synapse debug records.',
    labels: [],
  },
] as const satisfies readonly FamilySpec[];
