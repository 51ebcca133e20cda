/**
 * `npm run bench:catch-up`: whether the built daemon answers while it reads what was written before. In: a profile and a size of log (made here, in a folder of
 * its own under the system's temporary one, and deleted). Out: how long `/-/healthy` took, asked every PAUSE_MS over one connection from the first answer to
 * `/-/ready`; how long the catch-up took; memory and CPU. Asserts nothing: a time belongs to its machine.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { writeLog } from './generator/log-file.ts';
import { PROFILES, type Profile, profileNamed } from './generator/truth.ts';
import { freePort, LiveProcess } from './live-process.ts';
import { parseSize } from './size.ts';

const USAGE = `Usage: npm run bench:catch-up -- [options]

  --profile NAME   ${PROFILES.join(', ')} (info)
  --size N         of the log (1GiB)
  --lps N          lines per second of the stamps (500)
  --packed         it was rotated and packed: the daemon reads FILE.1.gz, as with \`backfill: true\`
  --keep FILE      the log is made there, taken if it's there already, and stays
  --node-option X  for the daemon's Node, for example --cpu-prof; may be repeated`;

/** Between an answer and the next question. */
const PAUSE_MS = 5;
/** The goal (issue 4): no answer takes longer. */
const GOAL_MS = 50;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const { values } = parseArgs({
  options: {
    profile: { type: 'string', default: 'info' },
    size: { type: 'string', default: '1GiB' },
    lps: { type: 'string', default: '500' },
    packed: { type: 'boolean', default: false },
    keep: { type: 'string' },
    'node-option': { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const profile = profileNamed(values.profile);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lotus-catch-up-'));
  try {
    const log = values.keep ?? path.join(folder, 'homeserver.log');
    if (!fs.existsSync(log)) makeLog(log, profile);
    const bytes = fs.statSync(log).size;
    await measure(folder, values.packed ? await pack(log, folder) : log, profile, bytes);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function makeLog(log: string, profile: Profile): void {
  const fd = fs.openSync(log, 'w');
  const startMs = Date.UTC(2026, 5, 30, 12);
  writeLog({ profile, seed: 1, wedgedCount: 40, linesPerSecond: Number(values.lps), startMs }, parseSize(values.size), fd);
  fs.closeSync(fd);
}

/** Returns the path at which the log once stood. */
async function pack(log: string, folder: string): Promise<string> {
  const live = path.join(folder, 'live.log');
  await pipeline(fs.createReadStream(log), createGzip({ level: 1 }), fs.createWriteStream(`${live}.1.gz`));
  fs.writeFileSync(live, '');
  return live;
}

async function measure(folder: string, log: string, profile: Profile, bytes: number): Promise<void> {
  const port = await freePort();
  const config = path.join(folder, 'config.yml');
  fs.writeFileSync(
    config,
    `sources:\n  - path: ${log}\nstate_directory: ${path.join(folder, 'state')}\nlisten: 127.0.0.1:${port}\ntimezone: UTC\nbackfill: ${values.packed}\n`,
  );
  const main = path.join(ROOT, 'dist/daemon/main.js');
  const line = [process.execPath, ...values['node-option'], main, 'run', '--config', config];
  const startedMs = performance.now();
  const daemon = await LiveProcess.start('lotus-e2ee-watch', line, port, '/-/healthy', path.join(folder, 'output'));
  // Of this program: while it's late itself, it measures that.
  const ownDelay = monitorEventLoopDelay({ resolution: 1 });
  ownDelay.enable();
  const times = await askUntilReady(daemon);
  ownDelay.disable();
  const seconds = (performance.now() - startedMs) / 1000;
  const { peakMebibytes } = daemon.memory();
  const cpuSeconds = daemon.cpuSeconds();
  const code = await daemon.stop();
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
  const mebibytes = (bytes / 2 ** 20).toFixed(0);
  process.stdout.write(
    `${profile}${values.packed ? ', packed' : ''}, ${mebibytes} MiB in ${seconds.toFixed(1)} s (CPU ${cpuSeconds.toFixed(1)} s, peak ${peakMebibytes.toFixed(0)} MiB, exit ${code}): ` +
      `/-/healthy p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)} ms of ${times.length} (goal ${GOAL_MS}); ` +
      `over 20 ms ${times.filter((ms) => ms > 20).length}, over ${GOAL_MS} ms ${times.filter((ms) => ms > GOAL_MS).length}; ` +
      `the asker itself late by at most ${(ownDelay.max / 1e6).toFixed(1)} ms\n`,
  );
}

/** How long each answer took, in milliseconds. */
async function askUntilReady(daemon: LiveProcess): Promise<number[]> {
  const times: number[] = [];
  for (let asked = 0; ; asked++) {
    const startedMs = performance.now();
    const { status } = await daemon.get('/-/healthy');
    times.push(performance.now() - startedMs);
    if (status !== 200) throw new Error(`/-/healthy answered ${status}: ${daemon.lastWords()}`);
    // Rarely: working out how it stands takes time of its own.
    if (asked % 20 === 0 && (await daemon.get('/-/ready')).status === 200) return times;
    await sleep(PAUSE_MS);
  }
}
