/**
 * In: a planned request, everything at DEBUG. Out: the lines of its database transactions and of its sync handler.
 *
 * Invariant: none of them carries truth; they are the bulk that a reader must get past.
 */

import { HOMESERVER } from './cast.ts';
import { CAPITALS } from './random.ts';
import { type HandlerRecord, type RequestPlan, record } from './request-plan.ts';
import type { World } from './world.ts';

const TRANSACTIONS = [
  ...['get_devices_by_auth', 'get_user_by_access_token', 'get_new_messages_for_device', 'count_e2e_one_time_keys'],
  ...['get_e2e_unused_fallback_key_types', 'get_unread_event_push_actions_by_room_for_user', 'get_room_events_stream_for_room'],
  ...['_get_state_for_groups', 'insert_client_ip', 'add_messages_to_device_inbox'],
];
const SQL =
  'SELECT stream_id, message_json FROM device_inbox WHERE user_id = ? AND device_id = ? ' +
  'AND ? < stream_id AND stream_id <= ? ORDER BY stream_id ASC LIMIT ?';
const SYNC_STEPS = [
  ...['Fetching account data', 'Fetching room data', 'Fetching to-device data', 'Fetching OTK data', 'Sync response calculation complete'],
];

export function debugLines(world: World, plan: RequestPlan, requestId: string): void {
  const { random } = world;
  const put = (delayMs: number, line: HandlerRecord): void => world.timeline.plan(delayMs, { ...line, requestId });
  const count = 1 + random.int(4);
  for (let i = 0; i < count; i++) transaction(world, plan, Math.floor((plan.ms * i) / count), put);
  if (plan.requestClass !== 'sync') return;
  const localpart = plan.entity.slice(1).split(':')[0];
  const who = `<UserID(localpart='${localpart}', domain='${HOMESERVER}')>`;
  const between = `between s${random.int(9999999)} and s${random.int(9999999)}`;
  put(1, record('synapse.handlers.sync', 1748, 'DEBUG', `Calculating sync response for ${who} ${between}`));
  for (const step of SYNC_STEPS) put(plan.ms - 1, record('synapse.handlers.sync', 1824, 'DEBUG', step));
}

function transaction(world: World, plan: RequestPlan, atMs: number, put: (delayMs: number, line: HandlerRecord) => void): void {
  const { random } = world;
  const name = `${random.pick(TRANSACTIONS)}-${random.hex(5)}`;
  const stream = world.next.toDeviceStream;
  const values = `['${plan.entity}', '${random.text(10, CAPITALS)}', ${stream - 20}, ${stream}, 100]`;
  put(atMs, record('synapse.storage.txn', 800, 'DEBUG', `[TXN START] {${name}}`));
  put(atMs, record('synapse.storage.SQL', 500, 'DEBUG', `[SQL] {${name}} ${SQL}`));
  put(atMs, record('synapse.storage.SQL', 505, 'DEBUG', `[SQL values] {${name}} ${values}`));
  put(atMs + 1, record('synapse.storage.SQL', 526, 'DEBUG', `[SQL time] {${name}} 0.00${100 + random.int(899)} sec`));
  put(atMs + 1, record('synapse.storage.txn', 921, 'DEBUG', `[TXN END] {${name}} 0.00${1000 + random.int(8999)} sec`));
}
