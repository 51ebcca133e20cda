/** Answers: Q1 from what devices went through, "blind" where nothing could be seen, and nobody's question. */
import { describe, expect, it } from 'vitest';
import { DeviceTable } from '../../../src/devices/device-table.ts';
import type { Fact } from '../../../src/facts/fact.ts';
import { findBlindness } from '../../../src/verdict/blindness.ts';
import { answerDivergence } from '../../../src/verdict/divergence-answer.ts';
import type { Blindness } from '../../../src/verdict/questions.ts';
import { answerAll } from '../../../src/verdict/questions.ts';
import { accepted, at, claimed, ids, refused, started, tokenAhead } from '../../testbench/device-facts.ts';

const ALL = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
const SEEING: Blindness = { isBlind: false, reasons: [] };
const BLIND: Blindness = { isBlind: true, reasons: ['homeserver.log has no access line'] };

function answer(facts: readonly Fact[], blindness = SEEING, window = ALL) {
  const table = new DeviceTable();
  for (const fact of facts) table.apply(fact);
  return answerDivergence(table, window, blindness);
}

describe('Q1', () => {
  const refusal = refused(100, ids(0, 49), { hasDeviceKeys: true });
  it.each<[string, readonly Fact[], Blindness, string, string]>([
    ['a refusal', [refusal], SEEING, 'yes', 'observed'],
    ['a refusal, though nothing else is seen', [refusal], BLIND, 'yes', 'observed'],
    ['a refusal of nobody known', [{ ...refusal, userId: null, deviceId: null }], SEEING, 'yes', 'observed'],
    ['a key that was handed out twice', [claimed(1, ids(0, 0)), claimed(2, ids(0, 0))], SEEING, 'exhaustion', 'derived'],
    [
      'a database that was restored',
      [claimed(1, ids(0, 0)), started(10), tokenAhead(11, '@a:hs'), tokenAhead(11, '@b:hs'), claimed(12, ids(0, 0))],
      SEEING,
      'yes',
      'derived',
    ],
    ['healthy uploads', [accepted(1, ids(0, 49))], SEEING, 'no', 'derived'],
    ['nothing that could be seen', [], BLIND, 'blind', 'observed'],
  ])('%s', (_, facts, blindness, expected, level) => {
    expect(answer(facts, blindness)).toMatchObject({ answer: expected, level });
  });

  it('is asked for a stretch of log time', () => {
    const within = (from: number, to: number) => answer([refusal], SEEING, { fromMs: at(from), toMs: at(to) }).answer;
    expect([within(0, 99), within(0, 100), within(100, 200), within(101, 200)]).toEqual(['no', 'yes', 'yes', 'no']);
  });

  it('says which device, since when, and why', () => {
    expect(answer([refusal]).why).toMatch(/@alice:hs JLAFKJWSCS since 2026-06-30 12:01:40 UTC: identity reset \(derived: .*device keys/);
  });
});

describe('blindness', () => {
  const source = (name: string, records: number, accessLines: number, lines = records) => ({
    name,
    counts: { records, accessLines, lines },
  });
  it('is where no source has an access line; one that has none is named, with what mends it', () => {
    expect(findBlindness([source('a', 5, 1), source('b', 5, 0)], [])).toMatchObject({
      isBlind: false,
      reasons: [expect.stringContaining('b has no access line')],
    });
    const blind = findBlindness([source('a', 5, 0), source('b', 0, 0)], ['Cannot read "c"']);
    expect(blind.isBlind).toBe(true);
    expect(blind.reasons.join(' ')).toMatch(/synapse\.access: \{level: INFO\}.*NOTSET.*no line of b was read Cannot read "c"/);
  });
});

describe('a question that nobody answers', () => {
  it('is unknown, and all five are there', () => {
    const answers = answerAll({ Q1: () => ({ answer: 'no', level: 'derived', why: 'x' }) }, ALL, SEEING);
    expect(Object.entries(answers).map(([question, each]) => `${question} ${each.answer}`)).toEqual([
      'Q1 no',
      'Q2 unknown',
      'Q3 unknown',
      'Q4 unknown',
      '6.4 unknown',
    ]);
  });
});
