/**
 * `npm run test:planted`: plants each fault of faults.ts, one by one, and runs the test that has to notice it. In: (a part of) a fault's or a test's name, or nothing for
 * all. Out: a line each; the last one sums up, and the exit code is 1 where a fault wasn't noticed, or can't be planted because the code has changed.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { FAULTS, type PlantedFault } from './faults.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const CONFIG = 'test/planted-faults/vitest.config.ts';
/** A fault that makes a test run for ever isn't noticed. */
const TIMEOUT_MS = 300_000;

type Outcome = 'noticed' | 'NOT NOTICED' | 'CANNOT PLANT' | 'RED WITHOUT';

/** Runs the property with the fault of this number in the code; −1: with none. A test has to fail, not the loading of its file. */
function run({ test, property }: PlantedFault, number: number): 'passes' | 'fails' | 'neither' {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', CONFIG, test, '--testNamePattern', property],
    { cwd: ROOT, encoding: 'utf8', timeout: TIMEOUT_MS, env: { ...process.env, PLANTED_FAULT: String(number), NO_COLOR: '1' } },
  );
  if (status === 0) return /^ *Tests +[1-9]\d* passed/m.test(stdout) ? 'passes' : 'neither';
  return status === 1 && /^ *Tests +[1-9]\d* failed/m.test(stdout) ? 'fails' : 'neither';
}

/** A property that fails without a fault would notice any. By test and property. */
const withoutFault = new Map<string, string>();

function plant(fault: PlantedFault): Outcome {
  if (fs.readFileSync(`${ROOT}${fault.file}`, 'utf8').split(fault.find).length !== 2) return 'CANNOT PLANT';
  const key = `${fault.test} ${fault.property}`;
  if (!withoutFault.has(key)) withoutFault.set(key, run(fault, -1));
  if (withoutFault.get(key) !== 'passes') return 'RED WITHOUT';
  return run(fault, FAULTS.indexOf(fault)) === 'fails' ? 'noticed' : 'NOT NOTICED';
}

const [, , wanted = ''] = process.argv;
let [passed, failed] = [0, 0];
for (const fault of FAULTS.filter((one) => `${one.fault} ${one.test}`.includes(wanted))) {
  const outcome = plant(fault);
  if (outcome === 'noticed') passed++;
  else failed++;
  process.stdout.write(`${outcome.padEnd(12)} ${fault.fault}  (${fault.test}, "${fault.property}")\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
