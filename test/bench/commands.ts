/**
 * In: what is installed and asked for. Out: the commands that are timed, each with how its output is checked.
 *
 * Invariant: a command that is missing is named with the reason and left out; nothing is installed here.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Profile, Truth } from './generator/truth.ts';
import { ROOT } from './inputs.ts';
import { type Analysis, hasDurations, ourDifferences } from './our-counts.ts';
import { peerDifferences } from './peer-counts.ts';

export interface Command {
  readonly name: string;
  /** Program and arguments; the log's path is put in place of FILE. */
  readonly line: readonly string[];
  /** Ours are what the ratios are taken against, the first one present. */
  readonly isOurs: boolean;
  /** Rounds at most; undefined: all. */
  readonly rounds?: number | undefined;
  /** A profile that it isn't run on, and why. */
  readonly except?: { readonly profile: Profile; readonly why: string } | undefined;
  /** Exit codes besides 0 that are fine: grep's and rg's 1 is "no hit". */
  readonly mayExitWith?: number | undefined;
  /** Where its counts are wrong; undefined: they can't be compared. */
  readonly check?: ((stdout: string, truth: Truth) => string[]) | undefined;
}

export interface CommandOptions {
  /** Another command line for ours, the path is appended. */
  readonly ours?: string | undefined;
  readonly hasDist: boolean;
  readonly mtailRounds: number;
  /** Names of commands to leave out. */
  readonly without: readonly string[];
}

const peer = (name: string): string => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

/** All commands that can run here, and one sentence for each that can't. */
export function findCommands(options: CommandOptions): { readonly commands: Command[]; readonly missing: string[] } {
  const missing: string[] = [];
  const commands = allCommands(options).filter(({ name, line }) => {
    if (options.without.includes(name)) return false;
    const absent = absence(line);
    if (absent !== undefined) missing.push(`${name}: ${absent}, left out`);
    return absent === undefined;
  });
  return { commands, missing };
}

function allCommands({ ours, hasDist, mtailRounds }: CommandOptions): Command[] {
  const node = process.execPath;
  const source = ours === undefined ? [node, path.join(ROOT, 'daemon/main.ts'), 'analyze', '--json'] : ours.split(' ');
  const built = [node, path.join(ROOT, 'dist/daemon/main.js'), 'analyze', '--json'];
  // Measured: 180 s CPU for 64 MiB of hostile (3.2 s for todevice), 872 MiB; it's the lines of 20 to 200 KB.
  const except = { profile: 'hostile', why: 'very long lines take it minutes' } as const;
  const mtail = ['mtail', '--one_shot', '--one_shot_format', 'prometheus', '--logs', 'FILE', '--progs', peer('peers-bench.mtail')];
  return [
    { name: 'ours', line: [...source, 'FILE'], isOurs: true, check: checkOurs },
    ...(hasDist ? [{ name: 'ours-dist', line: [...built, 'FILE'], isOurs: true, check: checkOurs }] : []),
    { name: 'mtail', line: mtail, isOurs: false, rounds: mtailRounds, except, check: peerDifferences },
    { name: 'mawk', line: ['mawk', '-f', peer('keys-and-times.awk'), 'FILE'], isOurs: false, check: peerDifferences },
    { name: 'naive-node', line: [node, peer('naive-node.mjs'), 'FILE'], isOurs: false, check: peerDifferences },
    { name: 'grep', line: ['grep', '-c', '-F', 'already exists', 'FILE'], isOurs: false, mayExitWith: 1 },
    {
      name: 'rg',
      line: ['rg', '-c', '--no-config', 'already exists|Adding one_time_keys|/keys/upload|/keys/claim', 'FILE'],
      ...{ isOurs: false, mayExitWith: 1 },
    },
  ];
}

function absence(line: readonly string[]): string | undefined {
  const program = line[0] ?? '';
  if (spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status !== 0) return `${program} is not installed`;
  const script = line.find((word) => /^\/.*\.(ts|js|mjs|awk|mtail)$/.test(word));
  return script === undefined || fs.existsSync(script) ? undefined : `${path.relative(ROOT, script)} is not there`;
}

function checkOurs(stdout: string, truth: Truth): string[] {
  return ourDifferences(parseAnalysis(stdout), truth);
}

/** Whether ours printed the histogram of request durations, which the contract doesn't demand. */
export function reportsDurations(stdout: string): boolean {
  return hasDurations(parseAnalysis(stdout));
}

function parseAnalysis(stdout: string): Analysis {
  try {
    return JSON.parse(stdout) as Analysis;
  } catch (cause) {
    throw new Error(`Cannot parse the output of analyze --json: "${stdout.slice(0, 80)}" is not JSON`, { cause });
  }
}

/** Profiles on which a peer's simple patterns count exactly; lookalike text deceives some of them. */
export function isPeerExactOn(profile: Profile): boolean {
  return profile !== 'hostile';
}
