/**
 * `npm run bench:state`: what keeping the state costs. Out: how long a commit blocks the event loop at 10,000 devices of which 1,000 changed, how large the database is
 * at 100,000 devices, and (`--flood SECONDS`) how memory and database stand while ever new devices come.
 *
 * Whole lines through the real pipeline, the real database in a folder of its own on this machine's disk.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../daemon/clock.ts';
import { loadRuleSet } from '../../daemon/rules/rule-set-loader.ts';
import { ChunkFeeder } from '../../daemon/sources/chunk-feeder.ts';
import { openState, type RestoredState } from '../../daemon/state/open-state.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { devicesLog } from '../testbench/devices-log.ts';

const COMMITS = 20;
const FLOOD_DEVICES = 500;

class Bench {
  readonly folder = fs.mkdtempSync(join(tmpdir(), 'lotus-bench-state-'));
  readonly #pipeline: Pipeline;
  readonly #feeder: ChunkFeeder;
  readonly #state: RestoredState;
  #requests = 0;

  static async create(): Promise<Bench> {
    const rules = await loadRuleSet();
    if (!rules.ok) throw new Error('Cannot read the rules');
    return new Bench(new Pipeline({ rules: rules.value, metrics: new MetricStore() }));
  }

  private constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.#feeder = new ChunkFeeder(pipeline.addSource({ name: 'homeserver.log', timeZone: 'UTC' }));
    const { metrics } = pipeline;
    const options = { folder: this.folder, kept: pipeline.keptRows(), sources: [], metrics, clock: systemClock, announce: () => {} };
    const state = openState(options);
    if (!state.ok) throw new Error(state.problems[0]?.message);
    this.#state = state.value;
  }

  /** Devices `first` … upload keys. */
  use(first: number, count: number): void {
    this.#feeder.push(Buffer.from(devicesLog(first, count, this.#requests)));
    this.#requests += count;
  }

  /** Returns how long it took, in milliseconds; CPU too, which other programs of the machine don't add to. */
  commit(): { readonly blockedMs: number; readonly cpuMs: number } {
    this.#pipeline.refreshMetrics();
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    this.#state.keeper.commit();
    const { user, system } = process.cpuUsage(cpu);
    return { blockedMs: performance.now() - startedMs, cpuMs: (user + system) / 1000 };
  }

  /** With the log of the last commits. */
  get diskMebibytes(): number {
    return fs.readdirSync(this.folder).reduce((sum, name) => sum + fs.statSync(join(this.folder, name)).size, 0) / 2 ** 20;
  }

  get deviceCount(): number {
    return this.#pipeline.devices.size;
  }

  end(): void {
    this.#state.keeper.stop();
    fs.rmSync(this.folder, { recursive: true });
  }
}

const round = (value: number): string => value.toFixed(1);

function describe(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return `median ${round(sorted[Math.floor(sorted.length / 2)] ?? 0)} ms, most ${round(sorted.at(-1) ?? 0)} ms`;
}

async function measureCommits(): Promise<void> {
  const bench = await Bench.create();
  bench.use(0, 10_000);
  process.stdout.write(`first commit of 10,000 devices: ${round(bench.commit().blockedMs)} ms\n`);
  const times: number[] = [];
  const cpuTimes: number[] = [];
  for (let i = 0; i < COMMITS; i++) {
    bench.use((i * 1000) % 10_000, 1000);
    const { blockedMs, cpuMs } = bench.commit();
    times.push(blockedMs);
    cpuTimes.push(cpuMs);
  }
  process.stdout.write(
    `commit of 1,000 changed ones of 10,000 (goal 20 ms): ${describe(times)}; CPU ${describe(cpuTimes)}; ${COMMITS} commits\n`,
  );
  bench.end();
}

async function measureSize(): Promise<void> {
  const bench = await Bench.create();
  for (let first = 0; first < 100_000; first += 5000) {
    bench.use(first, 5000);
    bench.commit();
  }
  process.stdout.write(`database of ${bench.deviceCount} devices: ${round(bench.diskMebibytes)} MiB (goal 64)\n`);
  bench.end();
}

async function flood(seconds: number): Promise<void> {
  const bench = await Bench.create();
  const startedMs = performance.now();
  let count = 0;
  let lastMs = 0;
  while (performance.now() - startedMs < seconds * 1000) {
    bench.use(count, FLOOD_DEVICES);
    count += FLOOD_DEVICES;
    const { blockedMs } = bench.commit();
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs - lastMs > (seconds * 1000) / 10) {
      lastMs = elapsedMs;
      const rss = process.memoryUsage.rss() / 2 ** 20;
      process.stdout.write(
        `flood, ${round(elapsedMs / 1000)} s: ${count} devices came, ${bench.deviceCount} kept, RSS ${round(rss)} MiB, disk ${round(bench.diskMebibytes)} MiB, commit ${round(blockedMs)} ms\n`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  bench.end();
}

const { values } = parseArgs({ options: { flood: { type: 'string' } } });
if (values.flood === undefined) {
  await measureCommits();
  await measureSize();
} else await flood(Number(values.flood));
