/** Lives of delayed events: whose an id is, what its 404 means. */
import { describe, expect, it } from 'vitest';
import type { DelayedEvent } from '../../../src/calls/delayed-event.ts';
import { DelayedEventBook } from '../../../src/calls/delayed-event-book.ts';
import type { DelayedEventRequest } from '../../../src/facts/fact.ts';
import { delayedEventRequest, stateEventSent } from '../../testbench/made-facts.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const ROOM = '!a:example.org';
const MEMBER = 'org.matrix.msc3401.call.member';
const CLIENT = 4711;

const keyOf = (user: string) => `_@${user}:example.org_DEV_m.call`;

function schedule(
  user: string,
  second: number,
  { delayMs = 8000, clientHash = CLIENT, ...more }: Partial<DelayedEventRequest> & { delayMs?: number } = {},
) {
  return delayedEventRequest({
    action: 'schedule',
    timeMs: NOON + second * 1000,
    durationMs: 10,
    userId: `@${user}:example.org`,
    clientHash,
    schedule: { delayMs, roomId: ROOM, eventType: MEMBER, stateKey: keyOf(user) },
    ...more,
  });
}

function manage(delayIdHash: number, second: number, more: Partial<DelayedEventRequest> = {}) {
  return delayedEventRequest({ delayIdHash, timeMs: NOON + second * 1000, durationMs: 10, clientHash: CLIENT, ...more });
}

const NOT_FOUND = { status: 404, outcome: 'not_found' } as const;

function play(
  facts: readonly (DelayedEventRequest | ReturnType<typeof stateEventSent>)[],
  version = '1.155.0',
  maxEvents?: number,
): DelayedEventBook {
  const book = new DelayedEventBook(maxEvents);
  for (const fact of facts)
    if (fact.kind === 'state_event_sent') book.replace(fact);
    else if (fact.action === 'schedule') book.schedule(fact);
    else book.manage(fact, version);
  return book;
}

const endsOf = (...args: Parameters<typeof play>): (string | null)[] =>
  [...play(...args).rows.values()].map(({ end, endedBy }) => end ?? endedBy);

describe('the first 404 on a delay id', () => {
  it.each<readonly [name: string, facts: Parameters<typeof play>[0], end: string | null]>([
    ['comes a delay behind the last restart', [schedule('a', 0), manage(1, 4), manage(1, 13, NOT_FOUND)], 'dropped'],
    [
      'comes exactly a delay behind the start of the last restart',
      [schedule('a', 0), manage(1, 4.01), manage(1, 12, NOT_FOUND)],
      'dropped',
    ],
    ['comes sooner', [schedule('a', 0), manage(1, 4.01), manage(1, 11.9, NOT_FOUND)], 'unexplained'],
    ['comes a delay behind the schedule, with no restart at all', [schedule('a', 0), manage(1, 8.1, NOT_FOUND)], 'dropped'],
    [
      'comes soon, but two restarts before were a delay apart: they waited behind a lock while the timer fired',
      [schedule('a', 0), manage(1, 4), manage(1, 13, { durationMs: 5000 }), manage(1, 14, NOT_FOUND)],
      'dropped',
    ],
    ['follows a cancel', [schedule('a', 0), manage(1, 4, { action: 'cancel' }), manage(1, 60, NOT_FOUND)], 'cancel'],
    [
      'follows a cancel that the client did not wait for',
      [schedule('a', 0), manage(1, 4, { action: 'cancel', isClientGone: true, outcome: 'client_gave_up' }), manage(1, 60, NOT_FOUND)],
      'cancel',
    ],
    [
      'follows a cancel that was refused',
      [schedule('a', 0), manage(1, 4, { action: 'cancel', status: 429 }), manage(1, 60, NOT_FOUND)],
      'dropped',
    ],
    ['is of a client that had left', [schedule('a', 0), manage(1, 4), manage(1, 60, { ...NOT_FOUND, isClientGone: true })], 'dropped'],
    ['says that the path is unknown', [schedule('a', 0), manage(1, 4), manage(1, 60, { ...NOT_FOUND, isUnknownPath: true })], null],
    ['is of an event whose schedule stands before the log', [manage(1, 4), manage(1, 60, NOT_FOUND)], 'unsure'],
    ['has no time', [schedule('a', Number.NaN), manage(1, Number.NaN), manage(1, Number.NaN, NOT_FOUND)], 'unsure'],
    [
      'is of an event that the old form restarted',
      [schedule('a', 0), manage(1, 4, { action: 'unknown' }), manage(1, 60, NOT_FOUND)],
      'dropped',
    ],
  ])('that %s: %s', (_name, facts, end) => {
    expect(endsOf(facts)).toEqual([end]);
  });

  it('on an id that was never seen, with no schedule to be of, is nothing', () => {
    expect(endsOf([manage(1, 60, NOT_FOUND), manage(2, 61, { status: 400 })])).toEqual([]);
  });

  it('too soon to be that of the schedule leaves the schedule to the id that is', () => {
    expect(endsOf([schedule('a', 0), manage(99, 2, NOT_FOUND), manage(1, 4), manage(1, 13, NOT_FOUND)])).toEqual(['dropped']);
  });

  describe('of an event that a state event replaced', () => {
    const byOther = stateEventSent({ timeMs: NOON + 2000, roomId: ROOM, stateKey: keyOf('a'), userId: '@moderator:example.org' });
    const byOwn = { ...byOther, userId: '@a:example.org' };
    it.each([
      ["by another user's: no drop", byOther, '1.155.0', 'replaced'],
      ['by its own on a version that lets it stand', byOwn, '1.149.1', 'dropped'],
      ['by its own on a version that cancels it', byOwn, '1.120.2', 'replaced'],
      ['by its own on a version in between', byOwn, '1.135.0', 'unsure'],
      ['by its own on an unknown version', byOwn, '', 'unsure'],
      ['of another key', { ...byOther, stateKey: keyOf('b') }, '1.155.0', 'dropped'],
      ['of another room', { ...byOther, roomId: '!b:example.org' }, '1.155.0', 'dropped'],
      ['that was refused', { ...byOther, isOk: false }, '1.155.0', 'dropped'],
    ])('%s', (_name, state, version, end) => {
      expect(endsOf([schedule('a', 0), state, manage(1, 60, NOT_FOUND)], version)).toEqual([end]);
    });
  });
});

describe('an id', () => {
  const ownersOf = (facts: Parameters<typeof play>[0]): (string | null)[] =>
    [...play(facts).rows.values()]
      .filter(({ idHash }) => idHash !== null)
      .map(({ schedule: own, oneOf }) => `${own?.userId?.[1] ?? '?'}${oneOf === null ? '' : ` or ${oneOf.count - 1} more`}`);

  it.each<readonly [string, Parameters<typeof play>[0], string[]]>([
    ['is that of its client', [schedule('a', 0), schedule('b', 0, { clientHash: 1 }), manage(1, 4)], ['a']],
    [
      'is that of the user who asks, where he is known',
      [schedule('a', 0), schedule('b', 0), manage(1, 4, { userId: '@b:example.org' })],
      ['b'],
    ],
    [
      'is one of several behind one address',
      [schedule('a', 0), schedule('b', 1), manage(1, 4), manage(2, 5)],
      ['a or 1 more', 'b or 1 more'],
    ],
    [
      'is sure where the first was known before the second came',
      [schedule('a', 0), manage(1, 4), schedule('b', 5), manage(2, 9)],
      ['a', 'b'],
    ],
    ['is that of the latest schedule of its device', [schedule('a', 0), schedule('a', 20), manage(1, 24)], ['a']],
    ['is nobody’s whose schedule ends later than it began', [schedule('a', 5), manage(1, 4)], ['?']],
    ['is not that of a schedule whose answer the client never read', [schedule('a', 0, { isClientGone: true }), manage(1, 4)], ['?']],
    ['is not that of a schedule that failed', [schedule('a', 0, { status: 500 }), manage(1, 4)], ['?']],
    ['is not that of a schedule from hours ago', [schedule('a', -5000), manage(1, 4)], ['?']],
  ])('%s', (_name, facts, owners) => {
    expect(ownersOf(facts)).toEqual(owners);
  });

  it('of one of several is dropped only where that holds for each of them', () => {
    const nobodyRestarts = [schedule('a', 0), schedule('b', 6), manage(1, 9, NOT_FOUND)];
    expect(endsOf(nobodyRestarts)).toContain('unsure');
    expect(endsOf([schedule('a', 0), schedule('b', 0.5), manage(1, 9, NOT_FOUND)])).toContain('dropped');
  });
});

describe('a restart right behind the local timeout', () => {
  it('of a quick one means that its answer did not arrive', () => {
    const early = (facts: Parameters<typeof play>[0]) => [...play(facts).rows.values()][0]?.earlyRestarts;
    expect(early([schedule('a', 0), manage(1, 4), manage(1, 6), manage(1, 8)])).toBe(2);
    expect(early([schedule('a', 0), manage(1, 4), manage(1, 9), manage(1, 14)])).toBe(0);
  });
});

describe('the book', () => {
  it('forgets the event that was heard of least recently, wholly', () => {
    const facts = [schedule('a', 0), manage(1, 1), schedule('b', 2, { clientHash: 2 }), manage(1, 3), schedule('c', 4, { clientHash: 3 })];
    const book = play(facts, '', 2);
    const users = [...book.rows.values()].map(({ schedule: own }: DelayedEvent) => own?.userId?.[1]);
    expect([users, book.rows.evicted, [...book.unmanaged()].length]).toEqual([['a', 'c'], 1, 1]);
    expect(book.manage(manage(2, 5, { clientHash: 2 }), '').event?.schedule).toBeNull();
  });
});
