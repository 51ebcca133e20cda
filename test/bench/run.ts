/**
 * In: options. Out: how fast `analyze` is beside mtail, awk, naive Node and grep, on generated logs; exit 1 if any count is wrong.
 *
 * Invariant: commands are interleaved, in another order each round, so a slow minute of the machine hits all of them; only counts decide
 * the exit code, never a time.
 */
import { parseArgs } from 'node:util';
import { type Command, findCommands, isPeerExactOn, reportsDurations } from './commands.ts';
import { PROFILES, type Profile, type Truth } from './generator/truth.ts';
import { buildInput, type Input, ROOT, warmUp } from './inputs.ts';
import { type Measurement, measure } from './measure.ts';
import { formatResult, goalsOf, type ProfileResult } from './report.ts';
import { parseSize } from './size.ts';

const USAGE = `Usage: npm run bench -- [options]

Times analyze and its peers on generated logs, and checks every count against the ground truth.

  --size N           size of each log (256MiB)
  --profiles A,B     of ${PROFILES.join(', ')} (all)
  --rounds N         runs of each command (3); --mtail-rounds N for mtail (1)
  --seed N           of the logs (1)
  --ours "CMD"       another command for ours; the log's path is put behind it
  --dist             also dist/daemon/main.js
  --without A,B      commands to leave out (ours, mtail, mawk, naive-node, grep, rg)
  --quick            8 MiB, one round: counts are checked, times are only a hint
  --json             results as JSON on standard output

Exit code 1: a count is wrong or a command failed. Missed goals don't change it.`;

const { values } = parseArgs({
  options: {
    size: { type: 'string' },
    profiles: { type: 'string', default: PROFILES.join(',') },
    rounds: { type: 'string' },
    'mtail-rounds': { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    ours: { type: 'string' },
    dist: { type: 'boolean', default: false },
    without: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const MOST_DIFFERENCES_SHOWN = 20;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

if (values.help) console.log(USAGE);
else process.exitCode = main();

function main(): number {
  const { commands, missing } = findCommands({
    ours: values.ours,
    hasDist: values.dist,
    mtailRounds: Number(values['mtail-rounds']),
    without: values.without.split(','),
  });
  for (const sentence of missing) say(sentence);
  const results: ProfileResult[] = [];
  // A missing peer is only named; without ours there's nothing to bench, unless that was asked for.
  const faults: string[] = missing.filter((sentence) => sentence.startsWith('ours'));
  for (const profile of values.profiles.split(',')) {
    const known = PROFILES.find((name) => name === profile);
    if (!known) throw new Error(`Cannot bench profile "${profile}": expected one of ${PROFILES.join(', ')}`);
    const { result, wrong } = benchProfile(known, commands);
    results.push(result);
    faults.push(...wrong);
    if (!values.json) console.log(`\n${formatResult(result)}`);
  }
  if (values.json)
    console.log(JSON.stringify({ results: results.map((result) => ({ ...result, goals: goalsOf(result) })), faults }, null, 1));
  say(faults.length === 0 ? '\nall counts are right' : `\nwrong:\n  ${faults.join('\n  ')}`);
  return faults.length === 0 ? 0 : 1;
}

function benchProfile(profile: Profile, allCommands: readonly Command[]): { result: ProfileResult; wrong: string[] } {
  const commands = allCommands.filter(({ except }) => except?.profile !== profile);
  say(`\n${profile}: preparing the log`);
  const input = buildInput(profile, parseSize(values.size ?? (values.quick ? '8MiB' : '256MiB')), Number(values.seed));
  for (const { name, except } of allCommands) if (except?.profile === profile) say(`${profile} ${name}: left out, ${except.why}`);
  warmUp(input.path);
  const wrong: string[] = [];
  const runs = new Map<string, Measurement[]>(commands.map(({ name }) => [name, []]));
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  for (let round = 0; round < rounds; round++) {
    for (const command of shuffle(commands.filter((c) => round < (c.rounds ?? rounds)))) {
      const run = measure(
        command.line.map((word) => (word === 'FILE' ? input.path : word)),
        ROOT,
      );
      say(`${profile} ${round + 1}/${rounds} ${command.name}: ${run.cpuSeconds.toFixed(3)} s CPU, ${run.wallSeconds.toFixed(3)} s`);
      wrong.push(...faultsOf(command, run, input, round === 0));
      runs.get(command.name)?.push(run);
    }
  }
  const results = commands.map(({ name, isOurs }) => ({ name, isOurs, runs: (runs.get(name) ?? []).map(withoutOutput) }));
  return { result: { profile, bytes: input.truth.bytes, lines: input.truth.lines, commands: results }, wrong };
}

function withoutOutput({ cpuSeconds, wallSeconds, peakMebibytes }: Measurement) {
  return { cpuSeconds, wallSeconds, peakMebibytes };
}

/** What is wrong with this run; a peer's miscounts on the profile hostile are only told. */
function faultsOf(command: Command, run: Measurement, { profile, truth }: Input, isFirst: boolean): string[] {
  if (run.status !== 0 && run.status !== command.mayExitWith) {
    return [`${profile} ${command.name}: exit code ${run.status}: ${run.stderr.trim().split('\n').slice(-3).join(' | ')}`];
  }
  const differences = checked(command, run, truth);
  if (isFirst && command.isOurs && differences.length === 0 && !reportsDurations(run.stdout)) {
    say(`${profile} ${command.name}: prints no histogram of request durations, so it isn't compared`);
  }
  if (!command.isOurs && !isPeerExactOn(profile)) {
    if (differences.length > 0 && isFirst)
      say(`${profile} ${command.name}: deceived by lookalike text, ${differences.length} counts differ`);
    return [];
  }
  const more = differences.length - MOST_DIFFERENCES_SHOWN;
  const shown = differences.slice(0, MOST_DIFFERENCES_SHOWN).map((difference) => `${profile} ${command.name}: ${difference}`);
  return more > 0 ? [...shown, `${profile} ${command.name}: and ${more} more`] : shown;
}

function checked(command: Command, run: Measurement, truth: Truth): string[] {
  try {
    return command.check?.(run.stdout, truth) ?? [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** In random order: the only use of chance here that isn't seeded, as it must differ from run to run. */
function shuffle<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
