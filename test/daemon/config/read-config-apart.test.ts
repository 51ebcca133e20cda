/** The configuration, read by another process: the same as read here. */
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadConfigFile } from '../../../daemon/config/load-config.ts';
import { type ProgramLine, readConfigApart } from '../../../daemon/config/read-config-apart.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

const MAIN = fileURLToPath(new URL('../../../daemon/main.ts', import.meta.url));

const GOOD =
  'sources:\n  - path: homeserver.log\n    timezone: Europe/Berlin\nfollow: { poll_interval: 300ms }\nlimits: { devices: 500 }\n';
const BAD = 'souces: []\nlimits:\n  devices: many\n';

it.each<readonly [string, string | undefined, ProgramLine]>([
  ['good', GOOD, [process.execPath, MAIN]],
  ['bad', BAD, [process.execPath, MAIN]],
  ['missing', undefined, [process.execPath, MAIN]],
  ['good, and without another process', GOOD, ['/nonexistent/node', MAIN]],
  ['bad, and with a process that fails', BAD, [process.execPath, '--bad-option', MAIN]],
  ['good, and with a process that says something else', GOOD, [process.execPath, '-e', 'console.log("hello")', '']],
])('a configuration (%s) comes out as if it had been read here', async (_, text, program) => {
  const path = join(createTempFolder(), 'config.yml');
  if (text !== undefined) fs.writeFileSync(path, text);
  const config = await readConfigApart(path, program);
  expect(config).toEqual(await loadConfigFile(path));
  expect(config.ok).toBe(text === GOOD);
});

it('is read by the other process where there is one', async () => {
  const answer = { ok: true, value: { from: 'elsewhere' } };
  const program: ProgramLine = [process.execPath, '-e', `console.log(${JSON.stringify(JSON.stringify(answer))})`, ''];
  expect(await readConfigApart('/nonexistent', program)).toEqual(answer);
});
