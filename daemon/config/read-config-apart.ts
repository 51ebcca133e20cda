/**
 * The configuration for `run`, read and checked by a process of its own that ends with it. In: its path, and the program that has the command `print-config`. Out: what
 * load-config.ts says, as JSON on the way.
 *
 * Why: yaml and zod are needed once, and stay in memory for as long as the process lives that imported them (9 MiB of 103 just after the start, measured; in a worker thread,
 * too). Costs a tenth of a second at a start. Where no process can be had, they are imported here after all.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Config } from './config.ts';
import type { Checked } from './problem.ts';

/** A Node with its options, and a script: `['/usr/bin/node', '--jitless', '/…/main.js']`. */
export type ProgramLine = readonly [node: string, ...options: string[], script: string];

export const PRINT_CONFIG = 'print-config';

/** Then it hangs, in milliseconds. Chosen: it takes 0.1 s, and systemd waits for 60 s. */
const TIMEOUT_MS = 20_000;
/** Of what it prints. A configuration takes some KiB; each of its mistakes a line. */
const MAX_BYTES = 16 * 1024 * 1024;

export async function readConfigApart(path: string, [node, ...rest]: ProgramLine): Promise<Checked<Config>> {
  try {
    const { stdout } = await promisify(execFile)(node, [...rest, PRINT_CONFIG, path], { timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES });
    return JSON.parse(stdout) as Checked<Config>;
  } catch {
    return await readConfigHere(path);
  }
}

/** What `print-config` prints. */
export async function printConfig(path: string): Promise<string> {
  return JSON.stringify(await readConfigHere(path));
}

async function readConfigHere(path: string): Promise<Checked<Config>> {
  const { loadConfigFile } = await import('./load-config.ts');
  return await loadConfigFile(path);
}
