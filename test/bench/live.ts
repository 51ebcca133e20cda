/**
 * In: options. Out: what the daemon costs while a log grows, beside mtail on the same file in the same minutes, and how soon a refused
 * upload is on /metrics; exit 1 if it miscounted or didn't stop cleanly.
 *
 * Invariant: everything is on loopback and in a temporary folder, lasts a known time, and what was started is ended by its process id.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ROOT } from './inputs.ts';
import { LiveLogWriter } from './live-log-writer.ts';
import { freePort, LiveProcess } from './live-process.ts';
import { formatTable, verdict } from './report.ts';

const USAGE = `Usage: npm run bench:live -- [options]

Feeds a growing log to the daemon and to mtail; prints CPU, memory, and the time from append to /metrics.

  --rate N       lines per second (2000)
  --seconds N    length of each window under load, steady and in Synapse's bursts (30)
  --idle N       seconds of silence (20)
  --samples N    refused uploads for each latency (100)
  --ours "CMD"   another command, the configuration's path is put behind it
  --dist         dist/daemon/main.js instead of daemon/main.ts
  --quick        short windows: shows that it works, the figures are only a hint
  --json         results as JSON on standard output

Takes about three minutes. Exit code 1: a count is wrong or the daemon didn't stop cleanly. Missed goals don't change it.`;

/** What makes the daemon look by itself, without inotify (daemon/config). */
const WITHOUT_HINTS = 'follow:\n  hints: false\n';
const REFUSALS = 'lotus_e2ee_otk_conflicts_total';
const LINES = 'lotus_e2ee_watch_log_lines_total';
/** How long a refusal may take before it's given up, and the pause between two scrapes (each costs the daemon a few ms). */
const LATENCY_LIMIT_MS = 5000;
const SCRAPE_PAUSE_MS = 5;
/** The writer looks at the clock this often. 20 ms: as in reference/performance.md; 5 ms: bursts of ten records come one by one. */
const STEADY_TICK_MS = 20;
const BURST_TICK_MS = 5;
/** Let readers settle after a change of load. Chosen: a commit period and some. */
const SETTLE_MS = 6000;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string' },
    idle: { type: 'string' },
    samples: { type: 'string' },
    ours: { type: 'string' },
    dist: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const number = (text: string | undefined, whole: number, quick: number): number => Number(text ?? (values.quick ? quick : whole));
const LOAD_MS = number(values.seconds, 30, 3) * 1000;
const IDLE_MS = number(values.idle, 20, 3) * 1000;
const SAMPLES = number(values.samples, 100, 10);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Usage {
  readonly name: string;
  readonly idlePercent: number;
  readonly steadyPercent: number;
  readonly burstPercent: number;
  readonly nowMebibytes: number;
  readonly peakMebibytes: number;
}

interface Latency {
  readonly name: string;
  readonly load: 'quiet' | 'under load';
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

if (values.help) console.log(USAGE);
else process.exitCode = await main();

async function main(): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lotus-live-'));
  const log = path.join(folder, 'homeserver.log');
  const writer = new LiveLogWriter(log);
  const started: LiveProcess[] = [];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      fs.rmSync(folder, { recursive: true, force: true });
      process.exit(1);
    });
  }
  const faults: string[] = [];
  try {
    started.push(await startOurs('ours', folder, log, ''), await startOurs('ours, polling', folder, log, WITHOUT_HINTS));
    const mtail = await startMtail(folder, log);
    if (mtail) started.push(mtail);
    const ours = started.filter(({ name }) => name.startsWith('ours'));
    const { usages, latencies } = await run(writer, ours, started);
    const truth = writer.stop();
    await sleep(1000);
    for (const process of ours) faults.push(...(await countFaults(process, truth.lines, truth.contract.conflicts)));
    print(usages, latencies);
  } finally {
    for (const process of started) {
      const code = await process.stop();
      if (process.name.startsWith('ours') && code !== 0)
        faults.push(`${process.name}: exit code ${code} after SIGTERM: ${process.lastWords()}`);
    }
    fs.rmSync(folder, { recursive: true });
  }
  say(faults.length === 0 ? '\nall counts are right' : `\nwrong:\n  ${faults.join('\n  ')}`);
  return faults.length === 0 ? 0 : 1;
}

/** Silence, then a refusal now and then in silence, then load, steady and in bursts, then refusals under load. */
async function run(writer: LiveLogWriter, ours: readonly LiveProcess[], all: readonly LiveProcess[]) {
  const latencies: Latency[] = [];
  writer.set(0, STEADY_TICK_MS, false);
  for (const process of ours) await latency(writer, process, 'quiet', 3); // The first record shows the format; later ones are measured.
  await sleep(SETTLE_MS);
  say(`silence: ${IDLE_MS / 1000} s`);
  const idle = await cpuPercents(all, IDLE_MS);
  writer.set(0, 1, false);
  for (const process of ours) latencies.push(await latency(writer, process, 'quiet', SAMPLES));
  const rate = Number(values.rate);
  const steady = await loadWindow(writer, all, rate, STEADY_TICK_MS, false);
  const burst = await loadWindow(writer, all, rate, BURST_TICK_MS, true);
  const memory = all.map((process) => process.memory());
  writer.set(rate, BURST_TICK_MS, false);
  for (const process of ours) latencies.push(await latency(writer, process, 'under load', SAMPLES));
  const usages = all.map(({ name }, i): Usage => {
    const percents = { idlePercent: idle[i] ?? 0, steadyPercent: steady[i] ?? 0, burstPercent: burst[i] ?? 0 };
    return { name, ...percents, ...(memory[i] as ReturnType<LiveProcess['memory']>) };
  });
  return { usages, latencies };
}

async function loadWindow(writer: LiveLogWriter, all: readonly LiveProcess[], rate: number, tickMs: number, isHeldBack: boolean) {
  writer.set(rate, tickMs, isHeldBack);
  await sleep(values.quick ? 1000 : SETTLE_MS);
  say(`${rate} lines/s, ${isHeldBack ? "in Synapse's bursts" : 'steady'}: ${LOAD_MS / 1000} s`);
  return await cpuPercents(all, LOAD_MS);
}

/** CPU of each process over the window, in percent of one core. */
async function cpuPercents(processes: readonly LiveProcess[], windowMs: number): Promise<number[]> {
  const before = processes.map((process) => process.cpuSeconds());
  const start = performance.now();
  await sleep(windowMs);
  const seconds = (performance.now() - start) / 1000;
  return processes.map((process, i) => ((process.cpuSeconds() - (before[i] ?? 0)) / seconds) * 100);
}

/** From the end of the write to the end of the first scrape that shows it. */
async function latency(writer: LiveLogWriter, target: LiveProcess, load: Latency['load'], samples: number): Promise<Latency> {
  say(`append to /metrics, ${target.name}, ${load}: ${samples} times`);
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    await sleep(20 + Math.random() * 60); // Any phase of the poller must be hit: chance on purpose.
    const writtenAt = await writer.refuse();
    let elapsedMs = 0;
    // The total, not "more than before": a reader that lags could still be taking in an earlier one.
    for (let seen = 0; seen < writer.refusalCount && elapsedMs < LATENCY_LIMIT_MS; ) {
      if (elapsedMs > 0) await sleep(SCRAPE_PAUSE_MS);
      seen = await target.counter(REFUSALS);
      elapsedMs = Number(process.hrtime.bigint() - writtenAt) / 1e6;
    }
    times.push(elapsedMs);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { name: target.name, load, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: times.at(-1) ?? Number.NaN };
}

async function countFaults(target: LiveProcess, lines: number, refusals: number): Promise<string[]> {
  const found = { lines: await target.counter(LINES), refusals: await target.counter(REFUSALS) };
  const expected = { lines, refusals };
  const keys = ['lines', 'refusals'] as const;
  return keys.flatMap((key) =>
    found[key] === expected[key] ? [] : [`${target.name}: ${key}: expected ${expected[key]}, got ${found[key]}`],
  );
}

async function startOurs(name: string, folder: string, log: string, more: string): Promise<LiveProcess> {
  const port = await freePort();
  const stem = path.join(folder, name.replace(/\W+/g, '-'));
  const config = `sources:\n  - path: ${log}\nstate_directory: ${stem}-state\nlisten: 127.0.0.1:${port}\ntimezone: UTC\n${more}`;
  fs.mkdirSync(`${stem}-state`);
  fs.writeFileSync(`${stem}.yml`, config);
  const main = path.join(ROOT, values.dist ? 'dist/daemon/main.js' : 'daemon/main.ts');
  const line = values.ours === undefined ? [process.execPath, main, 'run', '--config'] : values.ours.split(' ');
  return await LiveProcess.start(name, [...line, `${stem}.yml`], port, '/-/ready', `${stem}.out`);
}

async function startMtail(folder: string, log: string): Promise<LiveProcess | undefined> {
  const port = await freePort();
  const program = fileURLToPath(new URL('peers/peers-bench.mtail', import.meta.url));
  const line = ['mtail', '--logtostderr', '--address', '127.0.0.1', '--port', String(port), '--progs', program, '--logs', log];
  try {
    return await LiveProcess.start('mtail', line, port, '/metrics', path.join(folder, 'mtail.out'));
  } catch (error) {
    say(`mtail: ${(error as Error).message}; left out`);
    return undefined;
  }
}

function goalsOf(usages: readonly Usage[], latencies: readonly Latency[]): { goal: string; bar: number; value: number | undefined }[] {
  const ours = usages.find(({ name }) => name === 'ours');
  const mtail = usages.find(({ name }) => name === 'mtail');
  const p99 = (name: string): number => Math.max(...latencies.filter((each) => each.name === name).map((each) => each.p99Ms));
  const load = ours ? Math.max(ours.steadyPercent, ours.burstPercent) : undefined;
  const ratio = ours && mtail ? Math.max(ours.steadyPercent / mtail.steadyPercent, ours.burstPercent / mtail.burstPercent) : undefined;
  return [
    { goal: 'CPU under load, % of a core', bar: 3, value: load },
    { goal: "CPU under load, mtail's = 1", bar: 1, value: ratio },
    { goal: 'CPU in silence, % of a core', bar: 0.3, value: ours?.idlePercent },
    { goal: 'append to /metrics, p99 ms, with hints', bar: 100, value: p99('ours') },
    { goal: 'append to /metrics, p99 ms, polling', bar: 350, value: p99('ours, polling') },
    { goal: 'memory under load, MiB', bar: 110, value: ours?.nowMebibytes },
  ];
}

function print(usages: readonly Usage[], latencies: readonly Latency[]): void {
  const goals = goalsOf(usages, latencies).map((goal) => ({
    ...goal,
    isMet: goal.value === undefined ? undefined : goal.value <= goal.bar,
  }));
  if (values.json) {
    console.log(JSON.stringify({ rate: Number(values.rate), usages, latencies, goals }, null, 1));
    return;
  }
  const usageRows = usages.map((u) => [
    ...[u.name, u.idlePercent.toFixed(2), u.steadyPercent.toFixed(2), u.burstPercent.toFixed(2)],
    ...[u.nowMebibytes.toFixed(0), u.peakMebibytes.toFixed(0)],
  ]);
  const latencyRows = latencies.map((l) => [`${l.name}, ${l.load}`, l.p50Ms.toFixed(1), l.p99Ms.toFixed(1), l.maxMs.toFixed(1)]);
  const goalRows = goals.map(({ goal, bar, value, isMet }) => [goal, String(bar), value?.toFixed(2) ?? '-', verdict(isMet)]);
  console.log(`\n% of a core at ${values.rate} lines/s\n`);
  console.log(formatTable([['', 'silence', 'steady', 'bursts', 'RSS MiB', 'peak MiB'], ...usageRows]));
  console.log(`\n${formatTable([['append to /metrics, ms', 'p50', 'p99', 'max'], ...latencyRows])}`);
  console.log(`\n${formatTable([['goal, at most', 'bar', 'here', ''], ...goalRows])}`);
}
