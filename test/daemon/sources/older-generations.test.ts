import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findOlderGenerations } from '../../../daemon/sources/older-generations.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'older-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('finds the older generations of a log, oldest first, and nothing else', () => {
  const names = [
    'homeserver.log',
    'homeserver.log.1',
    'homeserver.log.2.gz',
    'homeserver.log.10',
    'homeserver.log.2026-03-10',
    'worker1.log.1',
    'homeserver.json.log.1',
  ];
  for (const name of names) writeFileSync(join(folder, name), '');
  const found = findOlderGenerations(join(folder, 'homeserver.log')).map((path) => path.slice(folder.length + 1));
  expect(found).toEqual(['homeserver.log.2026-03-10', 'homeserver.log.10', 'homeserver.log.2.gz', 'homeserver.log.1']);
});

it('finds none where the folder is missing', () => {
  expect(findOlderGenerations(join(folder, 'nowhere', 'homeserver.log'))).toEqual([]);
});
