/** Stalls of a process, told apart from a quiet server; outages. */
import { describe, expect, it } from 'vitest';
import type { ClientLost, Fact, ServerEvent } from '../../../src/facts/fact.ts';
import { Homeserver } from '../../../src/homeserver/homeserver.ts';
import { MAX_OUTAGES } from '../../../src/homeserver/process-lives.ts';
import { MAX_HOLES } from '../../../src/homeserver/stall-record.ts';
import { MIN_HOLE_MS } from '../../../src/records/record-handler.ts';
import { logHole, PROVENANCE } from '../../testbench/made-facts.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const lost = (timeMs: number, requestId = 'POST-7', source = 'homeserver.log'): ClientLost => ({
  kind: 'client_lost',
  timeMs,
  provenance: { ...PROVENANCE, source, requestId },
});
const hole = (fromMs: number, toMs: number, source = 'homeserver.log'): Fact =>
  logHole({ fromMs, timeMs: toMs, provenance: { ...PROVENANCE, source } });
const server = (event: ServerEvent['event'], timeMs: number, detail = ''): Fact => ({
  kind: 'server_event',
  event,
  detail,
  timeMs,
  userId: null,
  provenance: PROVENANCE,
});
const homeserverOf = (...facts: readonly Fact[]): Homeserver => {
  const homeserver = new Homeserver();
  for (const fact of facts) homeserver.apply(fact);
  return homeserver;
};

describe('a stall', () => {
  it.each([
    ['two requests lost at once behind a hole', [lost(NOON + 5), lost(NOON + 6, 'PUT-8')], true],
    ['a hole alone: a quiet server', [], false],
    ['one request lost', [lost(NOON + 5)], false],
    [
      'a page that was closed: its syncs, and the leave that it was sending',
      [lost(NOON, 'GET-5'), lost(NOON, 'GET-6'), lost(NOON, 'POST-9')],
      false,
    ],
    ['requests lost one after another', [lost(NOON + 5), lost(NOON + 30), lost(NOON + 60)], false],
    ['requests lost at once, but later', [lost(NOON + 600), lost(NOON + 601)], false],
    ['requests lost at another process', [lost(NOON, 'POST-1', 'worker1.log'), lost(NOON, 'POST-2', 'worker1.log')], false],
    ['requests lost before the hole ended', [lost(NOON - 5), lost(NOON - 5)], false],
  ])('is %s: see row', (_name, facts, isStall) => {
    const homeserver = homeserverOf(hole(NOON - 3000, NOON), ...facts);
    expect(homeserver.stalls().length > 0).toBe(isStall);
    expect(homeserver.stallEndedBefore('homeserver.log', NOON + 1000, 5000) !== null).toBe(isStall);
  });

  it('counts for a request of its own process within reach, to the millisecond', () => {
    const homeserver = homeserverOf(hole(NOON - 3000, NOON), lost(NOON), lost(NOON));
    const isFound = (timeMs: number, source = 'homeserver.log') => homeserver.stallEndedBefore(source, timeMs, 5000) !== null;
    expect([isFound(NOON - 1), isFound(NOON), isFound(NOON + 5000), isFound(NOON + 5001), isFound(NOON, 'worker1.log')]).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it('outlives plain holes at the bound', () => {
    const homeserver = homeserverOf(hole(NOON - 3000, NOON), lost(NOON), lost(NOON));
    for (let i = 1; i <= MAX_HOLES * 2; i++) homeserver.apply(hole(NOON + i * 10_000, NOON + i * 10_000 + MIN_HOLE_MS));
    expect(homeserver.stalls().map(({ toMs }) => toMs)).toEqual([NOON]);
  });
});

describe('an outage', () => {
  it('is from the order to stop to the start, and open until then', () => {
    const homeserver = homeserverOf(server('shutting_down', NOON));
    expect(homeserver.outagesIn(NOON + 9000, NOON + 10_000)).toHaveLength(1);
    homeserver.apply(server('started', NOON + 5000));
    expect(homeserver.outagesIn(NOON + 9000, NOON + 10_000)).toHaveLength(0);
    expect(homeserver.outagesIn(NOON + 4000, NOON + 10_000)).toEqual([{ source: 'homeserver.log', fromMs: NOON, toMs: NOON + 5000 }]);
  });

  it('of a process that was killed is the hole before the start', () => {
    const homeserver = homeserverOf(hole(NOON, NOON + 4000), server('started', NOON + 4000));
    expect(homeserver.outagesIn(NOON, NOON)).toEqual([{ source: 'homeserver.log', fromMs: NOON, toMs: NOON + 4000 }]);
  });

  it('is none where a log begins with a start', () => {
    expect(homeserverOf(server('started', NOON)).outagesIn(0, Number.POSITIVE_INFINITY)).toEqual([]);
  });

  it('is forgotten, oldest first, at the bound', () => {
    const homeserver = new Homeserver();
    for (let i = 0; i <= MAX_OUTAGES; i++) {
      homeserver.apply(server('shutting_down', NOON + i * 10));
      homeserver.apply(server('started', NOON + i * 10 + 5));
    }
    const outages = homeserver.outagesIn(0, Number.POSITIVE_INFINITY);
    expect([outages.length, outages[0]?.fromMs]).toEqual([MAX_OUTAGES, NOON + 10]);
  });

  it('knows the version that runs', () => {
    expect(homeserverOf(server('version', NOON, '1.149.1'), server('version', NOON + 1, '1.155.0')).version).toBe('1.155.0');
  });
});
