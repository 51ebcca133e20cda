/** A folder of its own for each test that asks, removed when the test is over. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function createTempFolder(): string {
  // Without symbolic links: paths that come back from the code under test are compared as text.
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'lotus-')));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}
