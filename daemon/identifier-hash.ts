/**
 * How user and device ids are hashed for labels (`identifiers: hashed`). In: the configuration. Out: a function text → 16 hex digits, keyed, so
 * that ids can't be found by trying names; the key lives in the state directory (`identifier.key`, mode 0600), so labels stay the same over
 * restarts. Nothing is read or written in the other modes.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config/config.ts';
import { type Checked, fileProblem } from './config/problem.ts';

const KEY_BYTES = 32;
const SHOWN_DIGITS = 16;

export function createIdentifierHash({ identifiers, stateDirectory }: Config): Checked<(text: string) => string> {
  if (identifiers !== 'hashed') return { ok: true, value: (text) => text };
  const path = join(stateDirectory, 'identifier.key');
  try {
    const key = readKey(path) ?? createKey(stateDirectory, path);
    return { ok: true, value: (text) => createHmac('sha256', key).update(text).digest('hex').slice(0, SHOWN_DIGITS) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      problems: [
        fileProblem(path, `Cannot hash identifiers: the key can't be kept (${reason}), expected a state directory that can be written`),
      ],
    };
  }
}

function readKey(path: string): Buffer | null {
  try {
    const key = readFileSync(path);
    if (key.length !== KEY_BYTES) throw new Error(`is ${key.length} bytes long, expected ${KEY_BYTES}`);
    return key;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function createKey(folder: string, path: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const key = randomBytes(KEY_BYTES);
  writeFileSync(path, key, { mode: 0o600, flag: 'wx' });
  return key;
}
