/**
 * In: a command. Out: what the whole process cost (user + system CPU, wall time, peak memory) and what it printed.
 *
 * How: Node can't ask what a child used, so bash's `time` measures (getrusage, to the millisecond) and GNU time adds the peak RSS. The
 * peak is that of the command alone: the kernel starts a child's peak at its parent's, and here the parent is the tiny `time`, not Node
 * (through Node or Python every small tool seems to use tens of MiB). The price: CPU includes bash's and time's own start, about 1 ms.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface Measurement {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** MiB; NaN where GNU time isn't installed. */
  readonly peakMebibytes: number;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const GNU_TIME = '/usr/bin/time';
/** Standard output goes to a file: grep stops at the first hit when it's /dev/null, and a pipe would need a reader. */
const SCRIPT = `
exec 3>times
TIMEFORMAT='%3U %3S %3R'
if [ -x ${GNU_TIME} ]; then
  { time ${GNU_TIME} -q -o peak -f %M -- "$@" >stdout 2>stderr; } 2>&3
else
  { time "$@" >stdout 2>stderr; } 2>&3
fi`;

/** Runs `command` to its end, in the C locale and UTC. Throws if bash can't be started. */
export function measure(command: readonly string[], workFolder: string): Measurement {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lotus-bench-'));
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  // The command runs where the caller says; only its files are in the temporary folder.
  const script = SCRIPT.replace(/times|peak|stdout|stderr/g, (name) => `${folder}/${name}`);
  const run = spawnSync('bash', ['-c', script, 'bash', ...command], { cwd: workFolder, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.error) throw run.error;
  const read = (name: string): string => (fs.existsSync(path.join(folder, name)) ? fs.readFileSync(path.join(folder, name), 'utf8') : '');
  const [user = Number.NaN, system = Number.NaN, wallSeconds = Number.NaN] = read('times').trim().split(' ').map(Number);
  const peak = Number.parseInt(read('peak').trim().split('\n').at(-1) ?? '', 10) / 1024;
  const result = { cpuSeconds: user + system, wallSeconds, peakMebibytes: peak, status: run.status ?? 1 };
  const output = { stdout: read('stdout'), stderr: read('stderr') };
  fs.rmSync(folder, { recursive: true });
  return { ...result, ...output };
}
