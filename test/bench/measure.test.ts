/** In: tiny commands. Out: proof that their output, exit code and cost come back, and that a busy one costs more. */
import { expect, it } from 'vitest';
import { measure } from './measure.ts';

it('gives back output, errors and exit code', () => {
  const run = measure(['sh', '-c', 'echo out; echo err >&2; exit 3'], '/');
  expect(run).toMatchObject({ stdout: 'out\n', stderr: 'err\n', status: 3 });
});

it('runs where it is told, with arguments as they are', () => {
  expect(measure(['sh', '-c', 'pwd; printf "%s|" "$@"', 'sh', 'two words', '$HOME', ''], '/usr').stdout).toBe('/usr\ntwo words|$HOME||');
});

it('measures CPU apart from waiting', () => {
  const busy = measure(['sh', '-c', 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'], '/');
  const idle = measure(['sleep', '0.2'], '/');
  expect(busy.cpuSeconds).toBeGreaterThan(0.02);
  expect(idle.cpuSeconds).toBeLessThan(busy.cpuSeconds);
  expect(idle.wallSeconds).toBeGreaterThanOrEqual(0.2);
});

it('sees the peak memory of the command, not of whoever started it', () => {
  const { peakMebibytes } = measure(['true'], '/');
  // Where GNU time isn't installed it's unknown.
  if (!Number.isNaN(peakMebibytes)) expect(peakMebibytes).toBeLessThan(20);
});
