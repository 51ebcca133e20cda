/**
 * Programs from Debian that system tests run: found, or skipped by name.
 *
 * In: a program's name. Out: whether tests that need it may be skipped. Invariant: a missing program is never a silent pass; with
 * LOTUS_NO_SKIP=1 (continuous integration) it fails the test file.
 */

import { spawnSync } from 'node:child_process';
import process from 'node:process';

/** Empty if the program runs, else why tests of it are skipped. Error instead of a reason with LOTUS_NO_SKIP=1. */
export function reasonToSkip(program: string, debianPackage: string): string {
  if (spawnSync(program, ['--version']).status === 0) return '';
  const reason = `${program} is missing (apt-get install --no-install-recommends ${debianPackage})`;
  if (process.env['LOTUS_NO_SKIP'] === '1') throw new Error(`Cannot test: ${reason}`);
  return reason;
}
