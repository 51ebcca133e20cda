/** Who doesn't hear whom in a call, and the answers that rest on it (Q2, 6.4), with the incidents. */
import { describe, expect, it } from 'vitest';
import { type CallListener, Calls } from '../../../src/calls/calls.ts';
import { linksIn } from '../../../src/calls/link-states.ts';
import type { Fact } from '../../../src/facts/fact.ts';
import { Homeserver } from '../../../src/homeserver/homeserver.ts';
import { CallIncidents } from '../../../src/incidents/call-incidents.ts';
import { answerMediaKeys } from '../../../src/verdict/media-key-answer.ts';
import { answerValidation } from '../../../src/verdict/validation-answer.ts';
import { delayedEventRequest, latencySlice, toDeviceMessages, toDeviceSend } from '../../testbench/made-facts.ts';
import { MadeKeyHealth } from '../../testbench/made-key-health.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const ALWAYS = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
const SIGHT = { isBlind: false, reasons: [] };
const SILENT: CallListener = { onDelivered: () => undefined, onDeviceMessage: () => undefined, onDeviceRequest: () => undefined };
const [ALICE, BOB, CAROL] = ['@alice:hs', '@bob:hs', '@carol:hs'] as const;

const join = (userId: string, second: number, deviceId = 'DEV'): Fact =>
  delayedEventRequest({
    action: 'schedule',
    timeMs: NOON + second * 1000,
    userId,
    clientHash: userId.length,
    schedule: {
      delayMs: 600_000,
      roomId: '!a:hs',
      eventType: 'org.matrix.msc3401.call.member',
      stateKey: deviceId === '' ? null : `_${userId}_${deviceId}_m.call`,
    },
  });
const sendKey = (sender: string, second: number): Fact =>
  toDeviceSend({ sender, isMediaKey: true, timeMs: NOON + second * 1000, clientHash: sender.length });
const at = (second: number): Fact => latencySlice({ timeMs: NOON + second * 1000, second: NOON / 1000 + second });
const keyFor = (stage: 'stored' | 'returned' | 'dropped', second: number, userId = BOB as string): Fact =>
  toDeviceMessages({
    stage,
    sender: ALICE,
    isMediaKey: true,
    timeMs: NOON + second * 1000,
    messages: [{ userId, deviceId: 'DEV', idHash: 1 }],
  });

function callsOf(...facts: readonly Fact[]): Calls {
  const calls = new Calls(new Homeserver(), SILENT);
  for (const fact of facts) calls.apply(fact);
  return calls;
}

function statesOf(keys: MadeKeyHealth, ...facts: readonly Fact[]): string[] {
  return linksIn(ALWAYS, callsOf(...facts), keys).map(
    ({ sender, receiver, state, level }) => `${sender.userId[1]}>${receiver.userId[1]} ${state} ${level}`,
  );
}

const both = [join(ALICE, 0), join(BOB, 1)];

describe('a link', () => {
  it('of a healthy call is none', () => {
    expect(statesOf(new MadeKeyHealth(), ...both, sendKey(ALICE, 2), sendKey(BOB, 2), at(60))).toEqual([]);
  });

  it('is predicted to be lost to a device whose lost key the sender was handed, in that direction only, also before the call', () => {
    for (const second of [-3600, 5]) {
      const keys = new MadeKeyHealth();
      keys.diverge(BOB, 'DEV', NOON - 7200_000);
      keys.poison({ timeMs: NOON + second * 1000, userId: BOB, deviceId: 'DEV', claimer: ALICE });
      expect(statesOf(keys, ...both, sendKey(ALICE, 6), at(60))).toEqual(['a>b link_predicted derived']);
    }
  });

  it('is no surer than the claim', () => {
    const keys = new MadeKeyHealth();
    keys.poison({ timeMs: NOON, userId: BOB, deviceId: 'DEV', claimer: ALICE, level: 'suspected' });
    expect(statesOf(keys, ...both, at(60))).toEqual(['a>b link_predicted suspected']);
  });

  it('is unlikely where the receiver’s keys diverged, but the sender was handed none of them', () => {
    const keys = new MadeKeyHealth();
    keys.diverge(BOB, 'DEV', NOON);
    expect(statesOf(keys, ...both, at(60))).toEqual(['a>b link_unlikely derived']);
  });

  it('takes another device of the same user for another one', () => {
    const keys = new MadeKeyHealth();
    keys.poison({ timeMs: NOON, userId: BOB, deviceId: 'OTHER', claimer: ALICE });
    expect(statesOf(keys, ...both, at(60))).toEqual([]);
  });

  it('of a membership that names no device may be to any device of its user', () => {
    const keys = new MadeKeyHealth();
    keys.poison({ timeMs: NOON, userId: BOB, deviceId: 'OTHER', claimer: ALICE });
    expect(statesOf(keys, join(ALICE, 0), join(BOB, 1, ''), at(60))).toEqual(['a>b link_predicted derived']);
  });

  it('is repaired behind a rollback once the device itself has sent a key; behind a reset it is not', () => {
    for (const [cause, expected] of [
      ['rollback', []],
      ['identity_reset', ['a>b link_predicted derived']],
    ] as const) {
      const keys = new MadeKeyHealth();
      keys.poison({ timeMs: NOON, userId: BOB, deviceId: 'DEV', claimer: ALICE, cause });
      const later = { fromMs: NOON + 60_000, toMs: Number.POSITIVE_INFINITY };
      const calls = callsOf(...both, sendKey(BOB, 10), at(120));
      expect(
        linksIn(later, calls, keys).map(
          ({ sender, receiver, state, level }) => `${sender.userId[1]}>${receiver.userId[1]} ${state} ${level}`,
        ),
      ).toEqual(expected);
    }
  });

  it('is late where a key waited for more than a second; one second is in time', () => {
    expect(statesOf(new MadeKeyHealth(), ...both, keyFor('stored', 2), keyFor('returned', 3))).toEqual([]);
    expect(statesOf(new MadeKeyHealth(), ...both, keyFor('stored', 2), keyFor('returned', 3.001))).toEqual(['a>b late_delivery observed']);
  });

  it('is late where a key was never handed out while both were there', () => {
    expect(statesOf(new MadeKeyHealth(), ...both, keyFor('stored', 2), at(6))).toEqual([]);
    expect(statesOf(new MadeKeyHealth(), ...both, keyFor('stored', 2), at(60))).toEqual(['a>b late_delivery observed']);
  });

  it('is not targeted where the key was for a device that the server does not know', () => {
    expect(statesOf(new MadeKeyHealth(), ...both, keyFor('dropped', 2), at(3))).toEqual(['a>b not_targeted observed']);
  });

  it('is not targeted for anybody where one lost key makes the whole batch fail', () => {
    const keys = new MadeKeyHealth();
    keys.poison({ timeMs: NOON + 3000, userId: BOB, deviceId: 'DEV', claimer: CAROL });
    const facts = [...both, sendKey(ALICE, 2), sendKey(BOB, 2), join(CAROL, 3), sendKey(ALICE, 4), at(30), sendKey(CAROL, 40), at(60)];
    expect(statesOf(keys, ...facts)).toEqual(['c>b link_predicted derived', 'c>a not_targeted suspected']);
  });

  it('is looked for inside of the window', () => {
    const keys = new MadeKeyHealth();
    keys.poison({ timeMs: NOON + 5000, userId: BOB, deviceId: 'DEV', claimer: ALICE });
    const calls = callsOf(...both, at(60));
    expect(linksIn({ fromMs: NOON, toMs: NOON + 4000 }, calls, keys)).toEqual([]);
    expect(linksIn({ fromMs: NOON, toMs: NOON + 5000 }, calls, keys)).toHaveLength(1);
  });
});

describe('Q2 and 6.4', () => {
  it.each<readonly [string, (keys: MadeKeyHealth) => void, readonly Fact[], string, string, string]>([
    ['without a call', () => undefined, [at(1)], 'none', 'derived', 'not_applicable'],
    ['of a healthy call at INFO', () => undefined, [...both, at(60)], 'none', 'suspected', 'not_applicable'],
    [
      'of a healthy call with the debug logger',
      () => undefined,
      [...both, keyFor('stored', 2), keyFor('returned', 2.1), at(60)],
      'none',
      'derived',
      'not_applicable',
    ],
    [
      'of a lost key',
      (keys) => keys.poison({ timeMs: NOON, userId: BOB, deviceId: 'DEV', claimer: ALICE }),
      [...both, at(60)],
      'link_predicted',
      'derived',
      'not_validation',
    ],
    [
      'of a device that diverged, and nobody was hit',
      (keys) => keys.diverge(BOB, 'DEV', NOON),
      [...both, at(60)],
      'link_unlikely',
      'derived',
      'not_applicable',
    ],
  ])('%s', (_name, prepare, facts, answer, level, validation) => {
    const keys = new MadeKeyHealth();
    prepare(keys);
    const calls = callsOf(...facts);
    expect(answerMediaKeys(calls, keys, ALWAYS, SIGHT)).toMatchObject({ answer, level });
    expect(answerValidation(calls, keys, ALWAYS, SIGHT).answer).toBe(validation);
  });

  it('are blind, never "none", where no request is seen', () => {
    const blind = { isBlind: true, reasons: ['homeserver.log has no access line'] };
    const calls = callsOf(at(1));
    expect([
      answerMediaKeys(calls, new MadeKeyHealth(), ALWAYS, blind).answer,
      answerValidation(calls, new MadeKeyHealth(), ALWAYS, blind).answer,
    ]).toEqual(['blind', 'blind']);
  });
});

describe('an incident', () => {
  it('of a pair names who does not hear whom, and rests on the claim', () => {
    const keys = new MadeKeyHealth();
    keys.poison({ timeMs: NOON + 5000, userId: BOB, deviceId: 'DEV', claimer: ALICE });
    const [incident, ...others] = [...new CallIncidents(callsOf(...both, at(60)), keys).incidents(NOON + 60_000)];
    expect(others).toEqual([]);
    expect(incident).toMatchObject({
      ke: 'KE-2',
      kind: 'call_keys_lost',
      userId: BOB,
      deviceId: 'DEV',
      level: 'derived',
      isOpen: true,
      firstMs: NOON + 5000,
    });
    expect(incident?.id).toBe(`call_keys_lost/${ALICE}/${BOB}/DEV/${NOON + 5000}`);
    expect(incident?.evidence.map(({ text }) => text)).toEqual([`${ALICE} claims signed_curve25519:AAAAAAAAAA0 of ${BOB} DEV`]);
    expect(incident?.remediation).not.toEqual([]);
  });

  it('is none for a healthy call', () => {
    expect([
      ...new CallIncidents(callsOf(...both, keyFor('stored', 2), keyFor('returned', 2.1), at(60)), new MadeKeyHealth()).incidents(
        NOON + 60_000,
      ),
    ]).toEqual([]);
  });
});
