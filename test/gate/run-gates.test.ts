// The runner must not be the gate that is always green: a red gate, a lost summary and a signal all have to show in counts and exit code.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GATES, type Gate } from './gates.ts';
import { runGates } from './run-gates.ts';
import type { ScriptRun } from './run-script.ts';

const PLAIN: Gate = { script: 'plain', claim: 'plain', isSummarised: false };
const TESTS: Gate = { script: 'tests', claim: 'tests', isSummarised: true };

function ended(exitCode: number | null, output = ''): ScriptRun {
  return { exitCode, stdout: output, output, durationMs: 10 };
}

/** Runs `gates` with the ends they come to, and returns what a caller sees. */
async function check(
  ends: readonly (readonly [Gate, ScriptRun])[],
): Promise<{ exitCode: number; ran: string[]; text: string; lastLine: string | undefined }> {
  const ran: string[] = [];
  let text = '';
  const exitCode = await runGates(
    ends.map(([gate]) => gate),
    {
      run: (script) => {
        ran.push(script);
        const end = ends[ran.length - 1]?.[1];
        return end === undefined ? Promise.reject(new RangeError('no such run')) : Promise.resolve(end);
      },
      write: (piece) => {
        text += piece;
      },
    },
  );
  return { exitCode, ran, text, lastLine: text.trimEnd().split('\n').at(-1) };
}

describe('check', () => {
  it('adds the sum of the tests to one for each gate', async () => {
    const { exitCode, lastLine } = await check([
      [PLAIN, ended(0)],
      [PLAIN, ended(0)],
      [TESTS, ended(0, 'noise\n40 passed, 0 failed, 3 skipped\n')],
    ]);
    expect({ exitCode, lastLine }).toEqual({ exitCode: 0, lastLine: '42 passed, 0 failed, 3 skipped' });
  });

  it('runs the gates behind a red one, shows its output and fails', async () => {
    const { exitCode, ran, text, lastLine } = await check([
      [PLAIN, ended(2, 'what is wrong')],
      [PLAIN, ended(0, 'what is right')],
    ]);
    expect({ exitCode, ran, lastLine }).toEqual({ exitCode: 1, ran: ['plain', 'plain'], lastLine: '1 passed, 1 failed, 0 skipped' });
    expect(text).toContain('what is wrong');
    expect(text).not.toContain('what is right');
  });

  it.each([
    { name: 'a gate that a signal ended', gate: PLAIN, run: ended(null), lastLine: '0 passed, 1 failed, 0 skipped' },
    { name: 'tests without a summary', gate: TESTS, run: ended(0, 'all well\n'), lastLine: '0 passed, 1 failed, 0 skipped' },
    {
      name: 'tests whose summary is not the last line',
      gate: TESTS,
      run: ended(0, '1 passed, 0 failed, 0 skipped\nand then it broke'),
      lastLine: '0 passed, 1 failed, 0 skipped',
    },
    {
      name: 'tests whose exit code contradicts their summary',
      gate: TESTS,
      run: ended(1, '7 passed, 0 failed, 0 skipped\n'),
      lastLine: '7 passed, 1 failed, 0 skipped',
    },
    { name: 'failed tests', gate: TESTS, run: ended(1, '7 passed, 2 failed, 0 skipped\n'), lastLine: '7 passed, 2 failed, 0 skipped' },
  ])('is red for $name', async ({ gate, run, lastLine }) => {
    expect(await check([[gate, run]])).toMatchObject({ exitCode: 1, lastLine });
  });
});

describe('the list of gates', () => {
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };

  it('holds every check:… script of package.json, and the tests', () => {
    const expected = [...Object.keys(scripts).filter((name) => name.startsWith('check:')), 'test'];
    expect(GATES.map(({ script }) => script).sort()).toEqual(expected.sort());
  });
});
