/** Whose fault a timeout is: contract.md's rule, each clause at its edge. */
import { describe, expect, it } from 'vitest';
import { ClientTimeouts, type DecidedTimeout } from '../../../src/calls/client-timeouts.ts';
import type { DelayedEventRequest, Fact } from '../../../src/facts/fact.ts';
import { Homeserver } from '../../../src/homeserver/homeserver.ts';
import { LATENCY_BUCKETS, latencyBucket } from '../../../src/homeserver/latency-buckets.ts';
import { delayedEventRequest, latencySlice, logHole, PROVENANCE } from '../../testbench/made-facts.ts';

const NOON = Date.UTC(2026, 5, 30, 12);

/** `quick` requests of 5 ms and `slow` ones of a second, in the second of the timeout, which is one of the quick ones by itself. */
function minute(quick: number, slow = 0, durationMs = 5): Fact {
  const counts = new Array<number>(LATENCY_BUCKETS).fill(0);
  for (const [ms, count] of [
    [5, quick],
    [1000, slow],
    [durationMs, 1],
  ] as const)
    counts[latencyBucket(ms)] = (counts[latencyBucket(ms)] as number) + count;
  return latencySlice({ second: NOON / 1000, timeMs: NOON + 1000, counts });
}

const stall: readonly Fact[] = [
  logHole({ fromMs: NOON - 6000, timeMs: NOON - 3000 }),
  ...[1, 2].map((i): Fact => ({ kind: 'client_lost', timeMs: NOON - 3000, provenance: { ...PROVENANCE, requestId: `POST-${i}` } })),
];

function decide(facts: readonly Fact[], more: Partial<DelayedEventRequest> = {}, localTimeoutMs = 2000): DecidedTimeout | undefined {
  const homeserver = new Homeserver();
  for (const fact of facts) homeserver.apply(fact);
  const timeouts = new ClientTimeouts();
  timeouts.add(
    delayedEventRequest({ timeMs: NOON, durationMs: 5, outcome: 'client_gave_up', isClientGone: true, ...more }),
    null,
    'a restart',
  );
  return [...timeouts.due(Number.POSITIVE_INFINITY, homeserver, () => localTimeoutMs)][0];
}

describe('a timeout', () => {
  it.each<readonly [string, readonly Fact[], Partial<DelayedEventRequest>, string, string]>([
    ['whose request took as long as the client waits', [minute(100)], { durationMs: 2000 }, 'homeserver_slow', 'own_processing'],
    [
      'whose request took nearly as long: the rest is the way there',
      [minute(100)],
      { durationMs: 1500 },
      'homeserver_slow',
      'own_processing',
    ],
    ['whose request took less', [minute(100, 0, 1499)], { durationMs: 1499 }, 'homeserver_healthy', 'quick_minute'],
    ['that the rate limit held back', [minute(100, 0, 1999)], { durationMs: 1999, status: 429 }, 'homeserver_healthy', 'quick_minute'],
    ['behind a stall of its process', [minute(100), ...stall], {}, 'homeserver_slow', 'stall'],
    ['behind a stall, with nothing else to go by', stall, {}, 'homeserver_slow', 'stall'],
    [
      'behind a stall of another process',
      [minute(100), ...stall],
      { provenance: { ...PROVENANCE, source: 'worker1.log' } },
      'homeserver_healthy',
      'quick_minute',
    ],
    ['in a minute in which two of a hundred were slow', [minute(98, 2)], {}, 'homeserver_slow', 'slow_minute'],
    ['in a minute in which one of a hundred was slow', [minute(99, 1)], {}, 'homeserver_healthy', 'quick_minute'],
    ['with 20 other requests', [minute(20)], {}, 'homeserver_healthy', 'quick_minute'],
    ['with 19 other requests', [minute(19)], {}, 'unknown', 'too_few_requests'],
    ['with 19 other requests, all of them slow', [minute(0, 19)], {}, 'unknown', 'too_few_requests'],
    [
      'of a request that writes an event, which is none of those counted',
      [minute(19)],
      { action: 'send' },
      'homeserver_healthy',
      'quick_minute',
    ],
    ['in a log without times', [], { timeMs: Number.NaN }, 'unknown', 'too_few_requests'],
    ['in a log without times, of a slow request', [], { timeMs: Number.NaN, durationMs: 3000 }, 'homeserver_slow', 'own_processing'],
  ])('%s: see row', (_name, facts, more, attribution, reason) => {
    expect(decide(facts, more)).toMatchObject({ attribution, reason });
  });

  it('is measured by its client’s patience', () => {
    expect(decide([minute(100, 0, 9000)], { durationMs: 9000 }, 10_000)?.reason).toBe('quick_minute');
    expect(decide([minute(100)], { durationMs: 9500 }, 10_000)?.reason).toBe('own_processing');
  });

  it('is decided once, when its minute is over, in the order of arrival', () => {
    const timeouts = new ClientTimeouts();
    const homeserver = new Homeserver();
    const due = (nowMs: number) => [...timeouts.due(nowMs, homeserver, () => 2000)].map(({ timeMs }) => timeMs - NOON);
    timeouts.add(delayedEventRequest({ timeMs: NOON }), null, '');
    timeouts.add(delayedEventRequest({ timeMs: NOON + 10 }), null, '');
    expect([due(NOON + 34_999), due(NOON + 35_000), due(NOON + 35_000), due(NOON + 35_010)]).toEqual([[], [0], [], [10]]);
  });

  it('that has no room among those undecided is decided at once', () => {
    const timeouts = new ClientTimeouts(1);
    timeouts.add(delayedEventRequest({ timeMs: NOON }), null, '');
    timeouts.add(delayedEventRequest({ timeMs: NOON + 10 }), null, '');
    expect([...timeouts.due(NOON, new Homeserver(), () => 2000)].map(({ timeMs }) => timeMs)).toEqual([NOON]);
    expect([timeouts.rows.size, timeouts.rows.evicted]).toEqual([1, 1]);
  });
});
