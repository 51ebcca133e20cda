/**
 * In: a profile, a size, a seed. Out: a generated log and its truth in the git-ignored `.bench/`, made once.
 *
 * Invariant: a file's name holds a hash of the generator's sources, so a changed generator never serves an old log; older ones are removed.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLog } from './generator/log-file.ts';
import type { Profile, Truth } from './generator/truth.ts';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = path.join(ROOT, '.bench');

export interface Input {
  readonly profile: Profile;
  readonly path: string;
  readonly truth: Truth;
}

export function buildInput(profile: Profile, sizeBytes: number, seed: number): Input {
  const stem = `${profile}-${sizeBytes}-${seed}-`;
  const base = path.join(FOLDER, `${stem}${generatorHash()}`);
  if (!fs.existsSync(`${base}.truth.json`)) {
    fs.mkdirSync(FOLDER, { recursive: true });
    for (const name of fs.readdirSync(FOLDER)) if (name.startsWith(stem)) fs.rmSync(path.join(FOLDER, name));
    generate(base, profile, sizeBytes, seed);
  }
  return { profile, path: `${base}.log`, truth: JSON.parse(fs.readFileSync(`${base}.truth.json`, 'utf8')) as Truth };
}

/** The truth is renamed into place last: a log with a truth beside it is whole. */
function generate(base: string, profile: Profile, sizeBytes: number, seed: number): void {
  const fd = fs.openSync(`${base}.log`, 'w');
  const startMs = Date.parse('2026-06-30T12:00:00Z');
  const truth = writeLog({ profile, seed, linesPerSecond: 500, startMs, wedgedCount: 40 }, sizeBytes, fd);
  fs.closeSync(fd);
  fs.writeFileSync(`${base}.part`, JSON.stringify(truth));
  fs.renameSync(`${base}.part`, `${base}.truth.json`);
}

function generatorHash(): string {
  const folder = fileURLToPath(new URL('generator', import.meta.url));
  const hash = createHash('sha256');
  for (const name of fs.readdirSync(folder).sort()) hash.update(name).update(fs.readFileSync(path.join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

/** Reads the file once, so that every command finds it in the page cache. */
export function warmUp(file: string): void {
  const fd = fs.openSync(file, 'r');
  const buffer = Buffer.allocUnsafe(1 << 20);
  while (fs.readSync(fd, buffer) > 0);
  fs.closeSync(fd);
}
