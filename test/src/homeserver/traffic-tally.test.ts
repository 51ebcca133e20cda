/** Sums of what clients ask for, with a bound on what they may name. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DelayedEventRequest, Fact, ToDeviceMessages } from '../../../src/facts/fact.ts';
import { DELAYED_EVENT_ACTIONS, DELAYED_EVENT_OUTCOMES, MAX_EVENT_TYPES, TrafficTally } from '../../../src/homeserver/traffic-tally.ts';
import { delayedEventRequest, toDeviceMessages, toDeviceSend } from '../../testbench/made-facts.ts';

const send = (eventType: string, { isOk = true, isMediaKey = false } = {}): Fact => toDeviceSend({ eventType, isOk, isMediaKey });
const messages = (stage: ToDeviceMessages['stage'], count: number): Fact =>
  toDeviceMessages({ stage, messages: Array.from({ length: count }, () => ({ userId: null, deviceId: null, idHash: null })) });
const delayed = (action: DelayedEventRequest['action'], outcome: DelayedEventRequest['outcome']): Fact =>
  delayedEventRequest({ action, outcome });

function tallyOf(facts: readonly Fact[]): TrafficTally {
  const tally = new TrafficTally();
  for (const fact of facts) tally.apply(fact);
  return tally;
}

describe('the tally', () => {
  it('counts sends that went through by type, and failed ones apart', () => {
    const { sends, sendsFailed, mediaKeySends } = tallyOf([
      send('a', { isMediaKey: true }),
      send('a'),
      send('b'),
      send('a', { isOk: false, isMediaKey: true }),
    ]);
    expect([Object.fromEntries(sends), sendsFailed, mediaKeySends]).toEqual([{ a: 2, b: 1 }, 1, 1]);
  });

  it('counts messages by stage', () => {
    const { stored, returned, dropped } = tallyOf([
      messages('stored', 3),
      messages('stored', 1),
      messages('returned', 2),
      messages('dropped', 5),
      messages('dropped', 0),
    ]);
    expect([stored, returned, dropped]).toEqual([4, 2, 5]);
  });

  it('counts delayed events by action and outcome, and clients that gave up over all', () => {
    const all = DELAYED_EVENT_ACTIONS.flatMap((action, a) =>
      DELAYED_EVENT_OUTCOMES.flatMap((outcome, o) => Array.from({ length: a * 5 + o }, () => delayed(action, outcome))),
    );
    const { delayedEvents, clientTimeouts } = tallyOf(all);
    for (const [a, action] of DELAYED_EVENT_ACTIONS.entries())
      for (const [o, outcome] of DELAYED_EVENT_OUTCOMES.entries()) expect(delayedEvents[action][outcome]).toBe(a * 5 + o);
    expect(clientTimeouts).toBe(
      DELAYED_EVENT_ACTIONS.reduce((sum, _, a) => sum + a * 5 + DELAYED_EVENT_OUTCOMES.indexOf('client_gave_up'), 0),
    );
  });

  it('tells a bounded number of event types apart, loses none, and keeps those it knows', () => {
    const types = fc.array(fc.oneof(fc.nat({ max: 400 }).map(String), fc.constantFrom('_other', 'm.room.encrypted', '__proto__')), {
      maxLength: 900,
      size: 'max',
    });
    fc.assert(
      fc.property(types, (names) => {
        const { sends } = tallyOf([send('m.room.encrypted'), ...names.map((name) => send(name))]);
        expect(sends.size).toBeLessThanOrEqual(MAX_EVENT_TYPES + 1);
        expect([...sends.values()].reduce((sum, count) => sum + count, 0)).toBe(names.length + 1);
        expect(sends.get('m.room.encrypted')).toBe(names.filter((name) => name === 'm.room.encrypted').length + 1);
      }),
      { numRuns: 50 },
    );
  });
});
