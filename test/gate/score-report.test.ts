// A shortfall passes only where it is listed, by capture and variant; a score that can't be read in full is a failure.

import { describe, expect, it } from 'vitest';
import { judgeScore } from './score-report.ts';

const KNOWN = [{ capture: 'forged-lines', variant: 'text', why: 'later' }];
const COMPLETE = 'ok    healthy-call [text] 31/31\n';
const SHORT = 'SHORT forged-lines [text] 20/24\n        refusals @a:b|D: expected 0, got 8\n        records: expected 1, got 2\n';
const SHORT_TWIN = 'SHORT forged-lines [json] 23/24\n        records: expected 1, got 2\n';

function printed(...captures: readonly string[]): string {
  return `${captures.join('')}${captures.length} captures and variants, score 99.0 %\n51 passed, 4 failed\n`;
}

describe('score', () => {
  it('counts complete captures', () => {
    expect(judgeScore(printed(COMPLETE, COMPLETE), KNOWN).counts).toEqual({ passed: 2, failed: 0, skipped: 0 });
  });

  it('counts a known shortfall as skipped, and says so', () => {
    const { counts, report } = judgeScore(printed(COMPLETE, SHORT), KNOWN);
    expect(counts).toEqual({ passed: 1, failed: 0, skipped: 1 });
    expect(report).toContain('KNOWN SHORT forged-lines [text]');
    expect(report).toContain('got 8');
    expect(report).toContain('why: later');
  });

  it('fails for the same capture in another variant', () => {
    const { counts, report } = judgeScore(printed(SHORT_TWIN), KNOWN);
    expect(counts).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(report).toContain('expected 1, got 2');
  });

  it('fails for the same capture where the program gave no answer', () => {
    const crash = 'SHORT forged-lines [text] 0/1\n        analyze --json: exit 1, no JSON: TypeError\n';
    expect(judgeScore(printed(crash), KNOWN).counts).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('asks to strike out a shortfall that is none any more', () => {
    expect(judgeScore(printed('ok    forged-lines [text] 24/24\n'), KNOWN)).toMatchObject({
      counts: { passed: 1, failed: 0, skipped: 0 },
      report: 'NOTE  forged-lines [text] is complete now: take it out of the known shortfalls\n',
    });
  });

  it.each([
    { name: 'nothing was printed', text: '' },
    { name: 'no capture was found', text: '0 captures and variants, score 0 %\n0 passed, 0 failed\n' },
    { name: 'the scorer died half-way', text: COMPLETE },
    { name: 'a line was not understood', text: `${COMPLETE}2 captures and variants, score 100.0 %\n` },
  ])('fails where $name', ({ text }) => {
    expect(judgeScore(text, KNOWN).counts.failed).toBe(1);
  });
});
