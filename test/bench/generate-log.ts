#!/usr/bin/env node
/**
 * In: options. Out: a synthetic Synapse homeserver.log and, with --truth, what a perfect reader finds in it.
 *
 * Invariant: the same seed, profile, size and version of this generator give the same bytes on every machine. Formats follow Synapse
 * v1.155; all names are made up. The parts are in `generator/`, log-stream.ts first.
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { LiveLog, writeLog } from './generator/log-file.ts';
import { type Profile, profileNamed, type Truth } from './generator/truth.ts';
import type { LogOptions } from './generator/world.ts';
import { parseSize } from './size.ts';

const USAGE = `Usage: node test/bench/generate-log.ts [options]

Writes a synthetic Synapse homeserver.log, the same bytes for the same options on every machine.

  --size N[KiB|MiB|GiB]  stop at the first record that ends at or past this many bytes (64MiB)
  --profile NAME         info      85 % access lines, 8 % other INFO, 2 % tracebacks, 3 % key lines (default)
                         todevice  info and synapse.9533_debug at DEBUG (what an operator turns on)
                         debug     everything at DEBUG: SQL, transactions, sync handler
                         hostile   info and lookalike text, very long lines, non-ASCII names
  --seed N               0 ... 4294967295 (1)
  --lps N                lines per second of the stamps (500)
  --start ISO            first stamp, written as it is (2026-06-30T12:00:00)
  --wedged N             devices that upload a key id that is taken (40)
  --out FILE             (standard output); --append keeps what is there
  --truth FILE           ground truth as JSON; -: standard error

Live mode: appends in real time, with stamps of now.

  --rate N --duration S  N lines a second for S seconds (10)
  --tick MS              write every MS milliseconds (20)
  --flush-like-synapse   hold up to 10 records or 5 s, WARNING and above at once, as Synapse's default handler does`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '64MiB' },
    profile: { type: 'string', default: 'info' },
    seed: { type: 'string', default: '1' },
    lps: { type: 'string', default: '500' },
    start: { type: 'string', default: '2026-06-30T12:00:00' },
    wedged: { type: 'string', default: '40' },
    out: { type: 'string', default: '-' },
    append: { type: 'boolean', default: false },
    truth: { type: 'string' },
    rate: { type: 'string' },
    duration: { type: 'string', default: '10' },
    tick: { type: 'string', default: '20' },
    'flush-like-synapse': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const profile = profileNamed(values.profile);
  const fd = values.out === '-' ? 1 : fs.openSync(values.out, values.append ? 'a' : 'w');
  const truth = values.rate === undefined ? writeLog(options(profile), parseSize(values.size), fd) : await live(profile, fd);
  if (fd !== 1) fs.closeSync(fd);
  if (values.truth !== undefined) writeTruth(values.truth, truth);
}

function options(profile: Profile): LogOptions {
  const common = { profile, seed: Number(values.seed) >>> 0, wedgedCount: Math.max(1, Number(values.wedged)) };
  return { ...common, linesPerSecond: Number(values.lps), startMs: Date.parse(`${values.start}Z`) };
}

async function live(profile: Profile, fd: number): Promise<Truth> {
  const t0 = Date.now();
  const startMs = t0 - new Date(t0).getTimezoneOffset() * 60_000;
  const log = new LiveLog({ ...options(profile), linesPerSecond: Number(values.rate), startMs }, fd, values['flush-like-synapse']);
  const endMs = Number(values.duration) * 1000;
  for (let elapsed = 0; elapsed < endMs; elapsed = Math.min(Date.now() - t0, endMs)) {
    log.advanceTo(elapsed);
    await new Promise((resolve) => setTimeout(resolve, Number(values.tick)));
  }
  log.advanceTo(endMs);
  log.flush();
  return log.stream.truth();
}

/** One key a line, short arrays on one. */
function writeTruth(path: string, truth: Truth): void {
  const text = JSON.stringify(truth, null, 1).replace(/\[[\d,\s]+\]/g, (numbers) => numbers.replace(/\s+/g, ''));
  if (path === '-') process.stderr.write(`${text}\n`);
  else fs.writeFileSync(path, `${text}\n`);
}
