import { expect, it } from 'vitest';
import { createCallListener, feedCallMetrics } from '../../src/call-metrics.ts';
import { Calls } from '../../src/calls/calls.ts';
import { DeviceTable } from '../../src/devices/device-table.ts';
import { Homeserver } from '../../src/homeserver/homeserver.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { stateEventSent, toDeviceMessages } from '../testbench/made-facts.ts';

const START_MS = 1_782_820_800_000;
const BOB = { userId: '@bob:example.org', deviceId: 'PHONE' };
/** Milliseconds: just too long. */
const TOO_LONG = 10_001;

/** Bob joins a call; a message is stored for him 1 s later. `then` is what comes after, at ms since then. */
function undeliveredAfter(afterMs: number, { isMediaKey = true, isJoined = true, isReturned = false } = {}): number {
  const metrics = new MetricStore();
  const calls = new Calls(new Homeserver(), createCallListener(metrics, new DeviceTable()));
  if (isJoined) calls.apply(stateEventSent({ timeMs: START_MS - 1000, stateKey: '_@bob:example.org_PHONE_m.call', userId: BOB.userId }));
  const messages = [{ ...BOB, idHash: 1 }];
  calls.apply(toDeviceMessages({ timeMs: START_MS, stage: 'stored', isMediaKey, sender: '@alice:example.org', messages }));
  if (isReturned) calls.apply(toDeviceMessages({ timeMs: START_MS + 500, stage: 'returned', messages }));
  // He shows that he is there, and log time goes on.
  if (isJoined) calls.apply(stateEventSent({ timeMs: START_MS + afterMs, stateKey: '_@bob:example.org_PHONE_m.call', userId: BOB.userId }));
  else calls.apply(toDeviceMessages({ timeMs: START_MS + afterMs }));
  feedCallMetrics(calls, metrics);
  return metrics.gauge('lotus_e2ee_call_keys_undelivered').value;
}

it.each([
  ['a call key that waits for over 10 s for a device in the call', TOO_LONG, {}, 1],
  ['one that waits for 10 s', TOO_LONG - 1, {}, 0],
  ['one that was fetched', TOO_LONG, { isReturned: true }, 0],
  ['one for a device that is in no call', TOO_LONG, { isJoined: false }, 0],
  ['a message that is no call key', TOO_LONG, { isMediaKey: false }, 0],
])('undelivered call keys: %s', (_, afterMs, options, count) => {
  expect(undeliveredAfter(afterMs, options)).toBe(count);
});
