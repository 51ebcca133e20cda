// .ci/run with everything it starts replaced by a stand-in that says what it is told to: what CI believes is this script's exit code and
// last line, and a shell script loses either easily (a pipe, a trap, a function behind ||).

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const PACKAGED = [
  'promtool',
  'prometheus',
  'amtool',
  'prometheus-alertmanager',
  'systemd-analyze',
  'systemd-nspawn',
  'ip',
  'curl',
  'man',
  'lintian',
  'strip',
  'shellcheck',
  'pip3',
  'mtail',
  'mawk',
  'rg',
  'time',
];

/** What each step prints and ends with; the key is how .ci/run calls it. */
interface StandIn {
  readonly output: string;
  readonly exitCode: number;
}

const GREEN: Readonly<Record<string, StandIn>> = {
  'npm ci': { output: 'added 131 packages', exitCode: 0 },
  'npm run --silent check': { output: 'noise\n40 passed, 0 failed, 1 skipped', exitCode: 0 },
  'npm run --silent test:system': { output: '5 passed, 0 failed, 0 skipped', exitCode: 0 },
  'npm run --silent test:systemd': { output: '60 passed, 0 failed, 0 skipped', exitCode: 0 },
  'npm run --silent build': { output: '', exitCode: 0 },
  'npm run --silent torture -- --seed 1 --seconds 15 --rate 3000 --mode rename': { output: 'exact', exitCode: 0 },
  'npm run --silent torture -- --seed 2 --seconds 15 --rate 3000 --mode delete': { output: 'exact', exitCode: 0 },
  'npm run --silent torture -- --seed 3 --seconds 12 --rate 2000 --mode copytruncate': { output: 'exact', exitCode: 0 },
  'npm run --silent bench -- --quick': { output: 'all counts exact', exitCode: 0 },
  'node test/gate/smoke.ts dist/daemon/main.js': { output: '5 passed, 0 failed, 0 skipped', exitCode: 0 },
  'node test/gate/score.ts all': { output: '79 passed, 0 failed, 1 skipped', exitCode: 0 },
  'node test/gate/score.ts all --gz': { output: '79 passed, 0 failed, 1 skipped', exitCode: 0 },
  'node test/gate/score.ts all --cmd node_modules/.bin/node test/gate/analyze-in-halves.ts': {
    output: '79 passed, 0 failed, 1 skipped',
    exitCode: 0,
  },
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lotus-ci-'));
  mkdirSync(join(folder, 'main/.ci'), { recursive: true });
  mkdirSync(join(folder, 'main/node_modules/.bin'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  cpSync(join(REPOSITORY, '.ci/run'), join(folder, 'main/.ci/run'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function place(path: string, script: string): void {
  writeFileSync(join(folder, path), `#!/bin/bash\n${script}`);
  chmodSync(join(folder, path), 0o755);
}

/** A program that looks itself up among the stand-ins by name and arguments. */
function placeStandIn(path: string, name: string, standIns: Readonly<Record<string, StandIn>>): void {
  const cases = Object.entries(standIns).map(
    ([call, { output, exitCode }]) => `  '${call}') printf '%s\\n' '${output}'; exit ${exitCode} ;;\n`,
  );
  place(path, `case "${name} $*" in\n${cases.join('')}  *) echo "no stand-in for ${name} $*"; exit 99 ;;\nesac\n`);
}

function runCi(
  changes: Readonly<Record<string, StandIn>>,
  { hasCorpus = true, environment = {} } = {},
): { exitCode: number | null; lastLine: string | undefined; output: string } {
  if (hasCorpus) mkdirSync(join(folder, 'shared/corpus'), { recursive: true });
  const standIns = { ...GREEN, ...changes };
  placeStandIn('bin/npm', 'npm', standIns);
  placeStandIn('main/node_modules/.bin/node', 'node', standIns);
  for (const name of PACKAGED) place(`bin/${name}`, 'exit 0\n');
  mkdirSync(join(folder, 'main/test/deploy'), { recursive: true });
  place('main/test/deploy/containerfile.sh', 'exit 0\n');
  // Nothing is missing, so nothing is installed; and if something were, this test wouldn't install it.
  place('bin/apt-get', 'exit 1\n');
  const run = spawnSync(join(folder, 'main/.ci/run'), {
    encoding: 'utf8',
    env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, ...environment },
  });
  return { exitCode: run.status, lastLine: run.stdout.trimEnd().split('\n').at(-1), output: run.stdout + run.stderr };
}

it('.ci/run adds up all steps, one each for those without a summary', () => {
  // 40 + 5 + 60 + 5 + 79 + 79 + 79, and npm ci, build, Containerfile, torture three times, bench.
  expect(runCi({})).toMatchObject({ exitCode: 0, lastLine: '354 passed, 0 failed, 4 skipped' });
});

it.each([
  {
    name: 'failed tests',
    changes: { 'npm run --silent check': { output: '38 passed, 2 failed, 1 skipped', exitCode: 1 } },
    lastLine: '352 passed, 2 failed, 4 skipped',
  },
  {
    name: 'a summary that its exit code contradicts',
    changes: { 'npm run --silent check': { output: '40 passed, 0 failed, 1 skipped', exitCode: 1 } },
    lastLine: '354 passed, 1 failed, 4 skipped',
  },
  {
    name: 'an exit code that its summary contradicts',
    changes: { 'npm run --silent check': { output: '39 passed, 1 failed, 1 skipped', exitCode: 0 } },
    lastLine: '353 passed, 1 failed, 4 skipped',
  },
  {
    name: 'a step without a summary',
    changes: { 'npm run --silent build': { output: 'error TS2322', exitCode: 2 } },
    lastLine: '353 passed, 1 failed, 4 skipped',
  },
  {
    name: 'a short score',
    changes: { 'node test/gate/score.ts all --gz': { output: '78 passed, 1 failed, 1 skipped', exitCode: 1 } },
    lastLine: '353 passed, 1 failed, 4 skipped',
  },
])('.ci/run fails for $name, and runs the steps behind it', ({ changes, lastLine }) => {
  const { output, ...seen } = runCi(changes as Record<string, StandIn>);
  expect(seen).toEqual({ exitCode: 1, lastLine });
  expect(output).toMatch(/^RED .*$/m);
  expect(output).toContain('score, gzipped');
});

it('.ci/run goes no further where npm ci fails', () => {
  const { output, ...seen } = runCi({ 'npm ci': { output: 'npm error', exitCode: 1 } });
  expect(seen).toEqual({ exitCode: 1, lastLine: '0 passed, 1 failed, 0 skipped' });
  expect(output).not.toContain('npm run check');
});

it.each([
  { name: 'fails without captures', environment: {}, exitCode: 1, lastLine: '117 passed, 1 failed, 1 skipped' },
  {
    name: 'skips the score where that is allowed',
    environment: { LOTUS_NO_CORPUS: '1' },
    exitCode: 0,
    lastLine: '117 passed, 0 failed, 2 skipped',
  },
])('.ci/run $name', ({ environment, exitCode, lastLine }) => {
  expect(runCi({}, { hasCorpus: false, environment })).toMatchObject({ exitCode, lastLine });
});
