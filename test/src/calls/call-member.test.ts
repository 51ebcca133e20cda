/** Whose membership a state key names. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actingUser, isMemberType, parseMember } from '../../../src/calls/call-member.ts';
import { profileOf } from '../../../src/calls/client-profile.ts';

const ALICE = '@alice:example.org';

describe('a membership', () => {
  it.each<readonly [stateKey: string | null, requester: string | null, expected: { userId: string; deviceId: string | null } | null]>([
    [`_${ALICE}_JLAFKJWSCS_m.call`, ALICE, { userId: ALICE, deviceId: 'JLAFKJWSCS' }],
    [`_${ALICE}_JLAFKJWSCS`, ALICE, { userId: ALICE, deviceId: 'JLAFKJWSCS' }],
    [`${ALICE}_JLAFKJWSCS`, ALICE, { userId: ALICE, deviceId: 'JLAFKJWSCS' }],
    [ALICE, ALICE, { userId: ALICE, deviceId: null }],
    [`_${ALICE}_old_phone.1_m.call`, ALICE, { userId: ALICE, deviceId: 'old_phone.1' }],
    ['_@a_b:hs_DEV_m.call', '@a_b:hs', { userId: '@a_b:hs', deviceId: 'DEV' }],
    ['_@a_b:hs:8448_DEV_m.call', null, { userId: '@a_b:hs:8448', deviceId: 'DEV' }],
    [`_${ALICE}_DEV_m.call`, '@moderator:example.org', { userId: ALICE, deviceId: 'DEV' }],
    [`_${ALICE}_DEV_m.call`, `@admin:example.org|${ALICE}`, { userId: ALICE, deviceId: 'DEV' }],
    [null, ALICE, { userId: ALICE, deviceId: null }],
    ['', ALICE, { userId: ALICE, deviceId: null }],
    ['something else', ALICE, { userId: ALICE, deviceId: null }],
    ['something else', null, null],
    [null, null, null],
  ])('with the key %j by %j is that of %j', (stateKey, requester, expected) => {
    expect(parseMember(stateKey, requester)).toEqual(expected);
  });

  it('is found for any user and device, whatever characters they have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }), (local, deviceId) => {
        fc.pre(!deviceId.endsWith('_m.call'));
        const userId = `@${local}:example.org`;
        expect(parseMember(`_${userId}_${deviceId}_m.call`, userId)).toEqual({ userId: actingUser(userId), deviceId });
      }),
      { examples: [['a_b', 'c_d']] },
    );
  });

  it.each([
    ['org.matrix.msc3401.call.member', true],
    ['m.rtc.member', true],
    ['m.room.member', false],
  ])('of type %s: %s', (type, isMember) => {
    expect(isMemberType(type)).toBe(isMember);
  });
});

describe('a profile', () => {
  it.each([
    [null, 2000],
    [8000, 2000],
    [18_000, 2000],
    [90_000, 10_000],
    [12_345, 2000],
  ])('for a delay of %s gives up after %d ms', (delayMs, localTimeoutMs) => {
    expect(profileOf(delayMs).localTimeoutMs).toBe(localTimeoutMs);
  });
});
