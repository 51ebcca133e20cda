/**
 * The program as a child process, as a shell starts it. In: arguments, what stands on standard input. Out: exit code, signal, output.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Relative to the repository's root, where vitest runs. */
const MAIN = 'daemon/main.ts';

export interface CommandResult {
  /** null: a signal ended it. */
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CommandSurroundings {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** The reader of standard output goes away at once. */
  readonly closesOutput?: boolean;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  /** What came out so far. */
  readonly seen: { out: string; err: string };
  /** Resolves when standard output holds the text; rejects when the command ends without. */
  until(text: string): Promise<void>;
  readonly ended: Promise<CommandResult>;
}

/** Killed when the test is over, if it still runs. */
export function startCommand(args: readonly string[], { input, env = {}, closesOutput = false }: CommandSurroundings = {}): RunningCommand {
  // Code compiled by one command serves the next, wherever its TMPDIR is.
  const NODE_COMPILE_CACHE = join(tmpdir(), 'node-compile-cache');
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, NODE_COMPILE_CACHE, ...env }, stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const seen = { out: '', err: '' };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    seen.err += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen.out += text;
  });
  if (closesOutput) child.stdout.destroy();
  // It may end without reading all of it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...seen }));
  });
  const until = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (seen.out.includes(text)) resolve();
      };
      child.stdout.on('data', look);
      child.on('close', () => reject(new Error(`ended without "${text}": ${seen.out}${seen.err}`)));
      look();
    });
  return { child, seen, until, ended };
}

export function runCommand(args: readonly string[], surroundings: CommandSurroundings = {}): Promise<CommandResult> {
  return startCommand(args, surroundings).ended;
}
