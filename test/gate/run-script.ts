// Runs a script of package.json as `npm run` would (sh, node_modules/.bin first on PATH), but without starting npm, and reports how it went.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface ScriptRun {
  /** 0 where all is well; null where a signal ended it. */
  readonly exitCode: number | null;
  /** What it wrote to stdout, and to stdout and stderr in the order of arrival. */
  readonly stdout: string;
  readonly output: string;
  readonly durationMs: number;
}

export interface ScriptOptions {
  /** Words behind the command, as after `npm run … --`; none may hold a character that the shell treats specially. */
  readonly extraArguments?: readonly string[];
  /** Where it runs; the script is always this repository's own. */
  readonly folder?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Called with each piece of output as it comes. */
  readonly onOutput?: (piece: string) => void;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');

export async function runScript(script: string, options: ScriptOptions = {}): Promise<ScriptRun> {
  const command = [scriptCommand(script), ...(options.extraArguments ?? [])].join(' ');
  const environment = options.environment ?? process.env;
  const path = [join(REPOSITORY, 'node_modules', '.bin'), environment['PATH']].join(delimiter);
  const startMs = performance.now();
  const child = spawn('sh', ['-c', command], {
    cwd: options.folder ?? REPOSITORY,
    // Its output is read through a pipe, where colours are noise; several tools colour it all the same.
    env: { ...environment, PATH: path, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let output = '';
  const take = (piece: string): void => {
    output += piece;
    options.onOutput?.(piece);
  };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece;
    take(piece);
  });
  child.stderr.setEncoding('utf8').on('data', take);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    // Not 'exit': output may still be on its way then.
    child.once('close', resolve);
  });
  return { exitCode, stdout, output, durationMs: performance.now() - startMs };
}

/** Throws a RangeError where package.json has no such script. */
function scriptCommand(script: string): string {
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const command = scripts[script];
  if (command === undefined) throw new RangeError(`Cannot run script "${script}": package.json doesn't have it`);
  return command;
}
