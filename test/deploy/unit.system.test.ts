// systemd's own opinion of the unit (Debian package systemd; no systemd has to run).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const UNIT = readFileSync(join(import.meta.dirname, '..', '..', 'lotus-e2ee-watch.service'), 'utf8');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lotus-unit-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** What `systemd-analyze verify` says about a unit of this text, and its exit code. */
function verify(text: string): { exitCode: number | null; output: string } {
  const path = join(folder, 'lotus-e2ee-watch.service');
  // The program isn't installed here, and a missing one is an error.
  writeFileSync(path, text.replace('/usr/bin/lotus-e2ee-watch', '/bin/true'));
  // recursive-errors=no: without it an unknown key is only a warning, and the exit code is 0.
  const run = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', path], { encoding: 'utf8' });
  return { exitCode: run.status, output: run.stdout + run.stderr };
}

describe.skipIf(!hasSystemd)('the systemd unit', () => {
  it('is one that systemd has no complaint about', () => {
    expect(verify(UNIT)).toEqual({ exitCode: 0, output: '' });
  });

  it.each([
    { name: 'an unknown key', from: 'StateDirectory=', to: 'StateDirektory=' },
    { name: 'a value out of range', from: 'Restart=on-failure', to: 'Restart=on-failures' },
    { name: 'an exit status that is none', from: 'RestartPreventExitStatus=2 78', to: 'RestartPreventExitStatus=2 780' },
  ])('would not pass with $name', ({ from, to }) => {
    const { exitCode, output } = verify(UNIT.replace(from, to));
    expect({ exitCode, isExplained: output.length > 0 }).toEqual({ exitCode: 1, isExplained: true });
  });
});
