/** Calls and the homeserver's record over a restart: given back their rows, they go on as if there had been none. Any facts, any moment. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BoundedRows } from '../../../src/calls/bounded-rows.ts';
import { type CallListener, Calls } from '../../../src/calls/calls.ts';
import type { ClientLost, Fact, ServerEvent } from '../../../src/facts/fact.ts';
import { Homeserver } from '../../../src/homeserver/homeserver.ts';
import { LATENCY_BUCKETS } from '../../../src/homeserver/latency-buckets.ts';
import { CallIncidents } from '../../../src/incidents/call-incidents.ts';
import type { KeptRows } from '../../../src/kept-rows.ts';
import { answerTimeouts } from '../../../src/verdict/timeout-answer.ts';
import {
  delayedEventRequest,
  keyUpload,
  latencySlice,
  logHole,
  PROVENANCE,
  stateEventSent,
  toDeviceMessages,
  toDeviceSend,
} from '../../testbench/made-facts.ts';
import { MadeKeyHealth } from '../../testbench/made-key-health.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const SILENT: CallListener = { onDelivered: () => undefined, onDeviceMessage: () => undefined, onDeviceRequest: () => undefined };

type Make = (timeMs: number) => Fact;

const user = fc.constantFrom('@a:hs', '@b:hs', '@c:hs');
const client = fc.constantFrom(1, 2);
const status = fc.constantFrom(200, 200, 200, 200, 404, 404, 429, 500);
const outcomeOf = (code: number, isGone: boolean) =>
  isGone ? 'client_gave_up' : code === 200 ? 'ok' : code === 404 ? 'not_found' : code === 429 ? 'rate_limited' : 'failed';

const make: fc.Arbitrary<Make> = fc.oneof(
  fc.record({ userId: user, clientHash: client, delayMs: fc.constantFrom(8000, 18_000), code: status, isGone: fc.boolean() }).map(
    ({ userId, clientHash, delayMs, code, isGone }): Make =>
      (timeMs) =>
        delayedEventRequest({
          action: 'schedule',
          timeMs,
          userId,
          clientHash,
          status: code,
          isClientGone: isGone,
          outcome: outcomeOf(code, isGone),
          schedule: { delayMs, roomId: '!r:hs', eventType: 'org.matrix.msc3401.call.member', stateKey: `_${userId}_DEV_m.call` },
        }),
  ),
  fc
    .record({
      action: fc.constantFrom('restart', 'restart', 'restart', 'cancel', 'send', 'unknown'),
      id: fc.integer({ min: 1, max: 5 }),
      clientHash: client,
      code: status,
      isGone: fc.boolean(),
      durationMs: fc.constantFrom(3, 600, 2500),
    })
    .map(
      ({ action, id, clientHash, code, isGone, durationMs }): Make =>
        (timeMs) =>
          delayedEventRequest({
            action,
            timeMs,
            delayIdHash: id,
            clientHash,
            status: code,
            isClientGone: isGone,
            durationMs,
            outcome: outcomeOf(code, isGone),
          }),
    ),
  fc.record({ userId: user, owner: user, clientHash: client }).map(
    ({ userId, owner, clientHash }): Make =>
      (timeMs) =>
        stateEventSent({ timeMs, userId, clientHash, roomId: '!r:hs', stateKey: `_${owner}_DEV_m.call` }),
  ),
  fc.record({ sender: user, clientHash: client, isMediaKey: fc.boolean() }).map(
    (more): Make =>
      (timeMs) =>
        toDeviceSend({ timeMs, ...more }),
  ),
  fc
    .record({
      stage: fc.constantFrom('stored', 'returned', 'dropped'),
      userId: user,
      id: fc.integer({ min: 1, max: 4 }),
      isMediaKey: fc.boolean(),
    })
    .map(
      ({ stage, userId, id, isMediaKey }): Make =>
        (timeMs) =>
          toDeviceMessages({ timeMs, stage, isMediaKey, sender: '@a:hs', messages: [{ userId, deviceId: 'DEV', idHash: id }] }),
    ),
  fc
    .record({
      second: fc.integer({ min: -3, max: 0 }),
      count: fc.integer({ min: 0, max: 40 }),
      bucket: fc.integer({ min: 0, max: LATENCY_BUCKETS - 1 }),
    })
    .map(
      ({ second, count, bucket }): Make =>
        (timeMs) =>
          latencySlice({
            timeMs,
            second: Math.floor(timeMs / 1000) + second,
            counts: Array.from({ length: LATENCY_BUCKETS }, (_, i) => (i === bucket ? count : 0)),
          }),
    ),
  fc.integer({ min: 1500, max: 9000 }).map(
    (lengthMs): Make =>
      (timeMs) =>
        logHole({ timeMs, fromMs: timeMs - lengthMs }),
  ),
  fc.constant<Make>((timeMs): ClientLost => ({ kind: 'client_lost', timeMs, provenance: { ...PROVENANCE, requestId: 'POST-9' } })),
  fc.constantFrom('started', 'shutting_down', 'version').map(
    (event): Make =>
      (timeMs): ServerEvent => ({ kind: 'server_event', event, detail: '1.120.2', userId: null, timeMs, provenance: PROVENANCE }),
  ),
  user.map(
    (userId): Make =>
      (timeMs) => ({ kind: 'redaction', eventId: `$${userId}`, roomId: '!r:hs', userId, isOk: true, timeMs, provenance: PROVENANCE }),
  ),
  user.map(
    (userId): Make =>
      (timeMs) =>
        keyUpload({ timeMs, userId, deviceId: 'DEV' }),
  ),
);

/** Mostly a few hundred ms apart; sometimes a whole minute passes, and what waits for it is decided. */
const facts = fc
  .array(
    fc.record({
      make,
      gapMs: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 3000 }) }, fc.constant(45_000)),
      isRestart: fc.boolean(),
    }),
    { maxLength: 80 },
  )
  .map((steps) => {
    let timeMs = NOON;
    return steps.map(({ make: makeFact, gapMs, isRestart }) => {
      timeMs += gapMs;
      return { fact: makeFact(timeMs), isRestart };
    });
  });

class Stages {
  readonly homeserver = new Homeserver();
  readonly calls = new Calls(this.homeserver, SILENT);

  apply(fact: Fact): void {
    this.homeserver.apply(fact);
    this.calls.apply(fact);
  }

  /** Everything that can be asked, and every row. */
  outcome(): unknown {
    this.calls.end();
    const window = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
    return {
      totals: this.calls.totals,
      incidents: [...new CallIncidents(this.calls, new MadeKeyHealth()).incidents(this.calls.totals.nowMs)],
      q4: answerTimeouts(this.calls, window, { isBlind: false, reasons: [] }),
      events: contentOf(this.calls.delayedEvents.rows),
      stays: contentOf(this.calls.book.rows),
      waiting: contentOf(this.calls.toDevice.waiting),
      chronicle: this.calls.chronicle.count(window.fromMs, window.toMs),
      stalls: this.homeserver.stalls(),
      outages: this.homeserver.outagesIn(0, Number.POSITIVE_INFINITY),
    };
  }
}

/** In order of use. */
function contentOf<V>(rows: BoundedRows<V, number>): unknown {
  return [...rows.entries()].map(({ key, order, value }) => ({ key, order, value }));
}

class Disk {
  readonly #rows = new Map<string, Map<string, string>>();

  commit(stages: readonly KeptRows[]): void {
    for (const stage of stages) {
      const rows = this.#rows.get(stage.stage) ?? new Map<string, string>();
      this.#rows.set(stage.stage, rows);
      for (const [key, text] of stage.changedRows()) {
        if (text === null) rows.delete(key);
        else rows.set(key, text);
      }
      stage.markCommitted();
    }
  }

  load(stages: readonly KeptRows[]): void {
    for (const stage of stages) expect(stage.restoreRows([...(this.#rows.get(stage.stage) ?? [])].reverse())).toEqual([]);
  }
}

it('a restart at any fact changes nothing', () => {
  fc.assert(
    fc.property(facts, (steps) => {
      const straight = new Stages();
      const disk = new Disk();
      let stages = new Stages();
      for (const { fact, isRestart } of steps) {
        straight.apply(fact);
        stages.apply(fact);
        disk.commit([stages.homeserver, stages.calls]);
        if (!isRestart) continue;
        stages = new Stages();
        disk.load([stages.homeserver, stages.calls]);
      }
      expect(stages.outcome()).toEqual(straight.outcome());
    }),
    { numRuns: 300 },
  );
});

it('rows that are none are told, and left out', () => {
  const stages = new Stages();
  const rows: [string, string][] = [
    ['totals', '7'],
    ['event/1', '[1,{}]'],
    ['nothing/1', '[1,{}]'],
    ['stay', '{'],
  ];
  expect(stages.calls.restoreRows(rows)).toHaveLength(4);
  expect(
    stages.homeserver.restoreRows([
      ['latency/1', '[]'],
      ['hole/1', '7'],
      ['x', '{'],
    ]),
  ).toHaveLength(3);
});
