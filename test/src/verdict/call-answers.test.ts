/** Q3 and Q4. */
import { describe, expect, it } from 'vitest';
import { type CallListener, Calls } from '../../../src/calls/calls.ts';
import type { Happening } from '../../../src/calls/chronicle.ts';
import { Homeserver } from '../../../src/homeserver/homeserver.ts';
import { answerMissingAlgorithm, contentLength, explainEvent } from '../../../src/verdict/missing-algorithm-answer.ts';
import type { Blindness } from '../../../src/verdict/questions.ts';
import { answerTimeouts } from '../../../src/verdict/timeout-answer.ts';
import { PROVENANCE } from '../../testbench/made-facts.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const ALWAYS = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
const SIGHT: Blindness = { isBlind: false, reasons: [] };
const BLIND: Blindness = { isBlind: true, reasons: ['no access line'] };
const SILENT: CallListener = { onDelivered: () => undefined, onDeviceMessage: () => undefined, onDeviceRequest: () => undefined };
const createCalls = () => new Calls(new Homeserver(), SILENT);

describe('Q4', () => {
  const ask = (happenings: Partial<Record<Happening, number>>, sight = SIGHT) => {
    const calls = createCalls();
    for (const [happening, count] of Object.entries(happenings))
      for (let i = 0; i < count; i++) calls.chronicle.add(NOON, happening as Happening);
    return answerTimeouts(calls, ALWAYS, sight);
  };

  it.each<readonly [string, Partial<Record<Happening, number>>, string, string]>([
    ['nothing at all', {}, 'none', 'derived'],
    ['one timeout: a page that was closed', { homeserver_slow: 1 }, 'none', 'derived'],
    ['refusals that dropped nobody', { rate_limited: 300 }, 'none', 'derived'],
    ['two slow ones', { homeserver_slow: 2 }, 'homeserver', 'derived'],
    ['two with a quick homeserver', { homeserver_healthy: 2 }, 'client', 'derived'],
    ['more slow than quick', { homeserver_slow: 3, homeserver_healthy: 2 }, 'homeserver', 'derived'],
    ['refusals that dropped somebody', { rate_limited: 300, dropped_by_rate_limit: 1 }, 'rate_limited', 'derived'],
    ['refusals and fewer timeouts', { rate_limited: 300, homeserver_healthy: 2 }, 'rate_limited', 'derived'],
    ['timeouts that cannot be attributed', { unknown: 5 }, 'unknown', 'suspected'],
    ['mostly such', { unknown: 5, homeserver_slow: 1 }, 'homeserver', 'suspected'],
    ['a drop alone, while the homeserver was down', { dropped_by_homeserver: 1 }, 'homeserver', 'derived'],
    ['a drop alone, with nothing wrong at the homeserver', { dropped_by_client: 1 }, 'client', 'derived'],
    ['a drop that is not sure', { drop_unsure: 1 }, 'client', 'suspected'],
  ])('of %s', (_name, happenings, answer, level) => {
    expect(ask(happenings)).toMatchObject({ answer, level });
  });

  it('is blind, never "none", where no request is seen', () => {
    expect(ask({}, BLIND).answer).toBe('blind');
  });
});

describe('Q3', () => {
  const SENDER = '@alice1:matrix.lotusguild.org';
  const EVENT = `$${'a'.repeat(43)}`;
  const callsWith = (eventId: string) => {
    const calls = createCalls();
    calls.apply({ kind: 'redaction', eventId, roomId: '!a:hs', userId: null, isOk: true, timeMs: NOON, provenance: PROVENANCE });
    return calls;
  };

  it.each([
    // matrix-js-sdk's text around a 44-character event id; columns as crypto-wasm gave them (e2ee-evidence 1.4, lab-findings A 8).
    ['29 characters of sender and column 138: empty', { eventId: EVENT, sender: SENDER, column: 138 }, 0],
    [
      '24 characters of sender and column 133: empty',
      { eventId: EVENT, sender: `@alice${':matrix.example.org'.slice(0, 18)}`, column: 133 },
      0,
    ],
    ['{"a":1} is five more', { eventId: EVENT, sender: SENDER, column: 143 }, 5],
    ['no sender', { eventId: EVENT, sender: null, column: 138 }, null],
    ['no column', { eventId: EVENT, sender: SENDER, column: null }, null],
  ])('reads the length of the content: %s', (_name, event, length) => {
    expect(contentLength(event)).toBe(length);
  });

  it.each([
    ['that the log saw redacted', callsWith(EVENT), { sender: SENDER, column: 138 }, 'redacted', 'observed'],
    ['with content, but no algorithm', createCalls(), { sender: SENDER, column: 143 }, 'malformed', 'derived'],
    ['without content', createCalls(), { sender: SENDER, column: 138 }, 'malformed', 'suspected'],
    ['of a sender that cannot be right', createCalls(), { sender: `${SENDER}.a.longer.name`, column: 138 }, 'unknown', 'suspected'],
    ['of which nothing is known', createCalls(), { sender: null, column: null }, 'unknown', 'suspected'],
  ])('explains an event %s', (_name, calls, event, answer, level) => {
    expect(explainEvent(calls, { eventId: EVENT, ...event })).toMatchObject({ answer, level });
  });

  it('without a client’s message is blind: contents are not logged', () => {
    expect(answerMissingAlgorithm(callsWith(EVENT), ALWAYS, SIGHT)).toMatchObject({ answer: 'blind' });
    expect(answerMissingAlgorithm(callsWith(EVENT), ALWAYS, SIGHT).why).toContain('1 events were redacted');
    expect(answerMissingAlgorithm(createCalls(), ALWAYS, BLIND).why).toBe('no access line');
  });
});
