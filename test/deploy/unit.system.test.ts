// systemd's own opinion of the unit and its drop-ins (Debian package systemd; no systemd has to run). What they do while they run is in test/systemd.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const UNIT = readFileSync(join(REPOSITORY, 'lotus-e2ee-watch.service'), 'utf8');
const DROP_INS = join(REPOSITORY, 'deploy', 'systemd');
const version = Number(/^systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 0);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lotus-unit-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Lays out a unit of this text with these drop-ins beside it; returns its path. */
function layOut(text: string, dropIns: readonly string[] = []): string {
  const path = join(folder, 'lotus-e2ee-watch.service');
  // The program isn't installed here, and a missing one is an error.
  writeFileSync(path, text.replace('/usr/lib/lotus-e2ee-watch/bin/node', '/bin/true'));
  mkdirSync(`${path}.d`);
  for (const name of dropIns) cpSync(join(DROP_INS, name), join(`${path}.d`, name));
  cpSync(join(DROP_INS, 'lotus-e2ee-watch.socket'), join(folder, 'lotus-e2ee-watch.socket'));
  return path;
}

/** What `systemd-analyze verify` says, and its exit code. */
function verify(path: string): { exitCode: number | null; output: string } {
  // recursive-errors=no: without it an unknown key is only a warning, and the exit code is 0.
  const run = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', path], { encoding: 'utf8' });
  return { exitCode: run.status, output: run.stdout + run.stderr };
}

/** The exposure, 0 (none) to 10. */
function exposure(path: string): number {
  const run = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path], { encoding: 'utf8' });
  return Number(/exposure level for \S+: ([\d.]+)/.exec(run.stdout)?.[1]);
}

describe.skipIf(version === 0)('the systemd unit', () => {
  it('is one that systemd has no complaint about', () => {
    expect(verify(layOut(UNIT))).toEqual({ exitCode: 0, output: '' });
  });

  it.each([
    { name: 'an unknown key', from: 'StateDirectory=', to: 'StateDirektory=' },
    { name: 'a value out of range', from: 'Restart=always', to: 'Restart=for-ever' },
    { name: 'an exit status that is none', from: 'RestartPreventExitStatus=2 78', to: 'RestartPreventExitStatus=2 780' },
  ])('would not pass with $name', ({ from, to }) => {
    expect(UNIT).toContain(from);
    const { exitCode, output } = verify(layOut(UNIT.replace(from, to)));
    expect({ exitCode, isExplained: output.length > 0 }).toEqual({ exitCode: 1, isExplained: true });
  });

  // Those for newer versions have names that say so.
  const understood = readdirSync(DROP_INS).filter((name) => name.endsWith('.conf') && (version >= 254 || !name.includes('254')));

  it('has drop-ins beside it', () => {
    expect(understood.length).toBeGreaterThan(4);
  });

  it.each(understood)('stays one with %s', (name) => {
    expect(verify(layOut(UNIT, [name]))).toEqual({ exitCode: 0, output: '' });
  });

  it('and its socket is one', () => {
    layOut(UNIT, ['60-socket.conf']);
    expect(verify(join(folder, 'lotus-e2ee-watch.socket'))).toEqual({ exitCode: 0, output: '' });
  });

  // Figures of systemd 252; newer ones know more settings, and count them.
  it.each([
    { dropIns: [], most: 1.2 },
    { dropIns: ['60-socket.conf'], most: 0.5 },
    { dropIns: ['70-jitless.conf'], most: 1.2 },
  ])('with $dropIns is exposed no more than $most', ({ dropIns, most }) => {
    expect(exposure(layOut(UNIT, dropIns))).toBeLessThanOrEqual(most);
  });
});
