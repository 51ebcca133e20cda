/**
 * `npm run bench:state`: what keeping the state costs. Out: how long a commit blocks the event loop at 10,000 devices of which 1,000 changed (its longest part, and all
 * parts together), the same for a checkpoint, how large the database is at 100,000 devices, and (`--flood SECONDS`) how memory and database stand while ever
 * new devices come.
 *
 * Whole lines through the real pipeline, the real database in a folder of its own on this machine's disk.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../daemon/clock.ts';
import { boundYoungGeneration } from '../../daemon/heap-bounds.ts';
import { loadRuleSet } from '../../daemon/rules/rule-set-loader.ts';
import { ChunkFeeder } from '../../daemon/sources/chunk-feeder.ts';
import { createTurns } from '../../daemon/sources/turns.ts';
import { openState, type RestoredState } from '../../daemon/state/open-state.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { devicesLog } from '../testbench/devices-log.ts';

const COMMITS = 40;
const FLOOD_DEVICES = 500;

/** What one commit, with the checkpoint behind it, took of the event loop, in milliseconds. */
interface Blocked {
  readonly longestPartMs: number;
  readonly allPartsMs: number;
  /** 0: there was none. */
  readonly checkpointMs: number;
  /** The same as CPU time of this thread, which other programs of the machine don't add to (and waiting for the disk neither). */
  readonly allPartsCpuMs: number;
}

class Bench {
  readonly folder = fs.mkdtempSync(join(tmpdir(), 'lotus-bench-state-'));
  readonly #pipeline: Pipeline;
  readonly #feeder: ChunkFeeder;
  readonly #state: RestoredState;
  readonly #parts: Timed[] = [];
  #checkpointMs = 0;
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
    const real = createTurns();
    const turns = {
      ...real,
      whole: (part: () => boolean) =>
        real.whole(() => {
          const [isDone, took] = timed(part);
          this.#parts.push(took);
          return isDone;
        }),
      // The only step that is asked for here.
      request: (step: () => void) =>
        real.request(() => {
          this.#checkpointMs = timed(step)[1].ms;
        }),
      get isHeld() {
        return real.isHeld;
      },
    };
    const options = { folder: this.folder, kept: pipeline.keptRows(), sources: [], metrics, clock: systemClock, turns, announce: () => {} };
    const state = openState(options);
    if (!state.ok) throw new Error(state.problems[0]?.message);
    this.#state = state.value;
  }

  /** Devices `first` … upload keys. */
  use(first: number, count: number): void {
    this.#feeder.push(Buffer.from(devicesLog(first, count, this.#requests)));
    this.#requests += count;
  }

  async commit(): Promise<Blocked> {
    this.#pipeline.refreshMetrics();
    this.#parts.length = 0;
    this.#checkpointMs = 0;
    await this.#state.keeper.commitInParts();
    // Time for the checkpoint, whose first half is another thread's.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const wall = this.#parts.map(({ ms }) => ms);
    return {
      longestPartMs: Math.max(...wall),
      allPartsMs: sum(wall),
      checkpointMs: this.#checkpointMs,
      allPartsCpuMs: sum(this.#parts.map(({ cpuMs }) => cpuMs)),
    };
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
const mebibytes = (bytes: number): string => round(bytes / 2 ** 20);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

interface Timed {
  readonly ms: number;
  readonly cpuMs: number;
}

function timed<T>(run: () => T): readonly [value: T, took: Timed] {
  const startedMs = performance.now();
  const cpu = process.threadCpuUsage();
  const value = run();
  const { user, system } = process.threadCpuUsage(cpu);
  return [value, { ms: performance.now() - startedMs, cpuMs: (user + system) / 1000 }];
}

function describe(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return `median ${round(sorted[Math.floor(sorted.length / 2)] ?? 0)} ms, most ${round(sorted.at(-1) ?? 0)} ms`;
}

async function measureCommits(): Promise<void> {
  const bench = await Bench.create();
  bench.use(0, 10_000);
  const first = await bench.commit();
  process.stdout.write(
    `first commit of 10,000 devices: longest part ${round(first.longestPartMs)} ms, all parts ${round(first.allPartsMs)} ms, checkpoint ${round(first.checkpointMs)} ms\n`,
  );
  const all: Blocked[] = [];
  for (let i = 0; i < COMMITS; i++) {
    bench.use((i * 1000) % 10_000, 1000);
    all.push(await bench.commit());
  }
  const checkpoints = all.filter(({ checkpointMs }) => checkpointMs > 0);
  process.stdout.write(`commit of 1,000 changed ones of 10,000, ${COMMITS} times (goal 20 ms blocked):
  longest part: ${describe(all.map(({ longestPartMs }) => longestPartMs))}
  all parts:    ${describe(all.map(({ allPartsMs }) => allPartsMs))}; CPU ${describe(all.map(({ allPartsCpuMs }) => allPartsCpuMs))}
  checkpoint:   ${describe(checkpoints.map(({ checkpointMs }) => checkpointMs))}, behind ${checkpoints.length} of them
`);
  bench.end();
}

async function measureSize(): Promise<void> {
  const bench = await Bench.create();
  for (let first = 0; first < 100_000; first += 5000) {
    bench.use(first, 5000);
    await bench.commit();
  }
  process.stdout.write(`database of ${bench.deviceCount} devices: ${round(bench.diskMebibytes)} MiB (goal 64)\n`);
  bench.end();
}

async function flood(seconds: number): Promise<void> {
  const bench = await Bench.create();
  const startedMs = performance.now();
  let count = 0;
  for (let next = 1; next <= 10; ) {
    bench.use(count, FLOOD_DEVICES);
    count += FLOOD_DEVICES;
    const blocked = await bench.commit();
    const elapsedSeconds = (performance.now() - startedMs) / 1000;
    if (elapsedSeconds >= (next * seconds) / 10) {
      next++;
      process.stdout.write(`flood, ${round(elapsedSeconds)} s: ${count} devices came, ${describeFlood(bench, blocked)}\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  bench.end();
}

function describeFlood(bench: Bench, { longestPartMs, checkpointMs }: Blocked): string {
  const { rss, heapUsed, external } = process.memoryUsage();
  const memory = `RSS ${mebibytes(rss)} (heap in use ${mebibytes(heapUsed)}, outside of it ${mebibytes(external)}) MiB`;
  const times = `longest part of the commit ${round(longestPartMs)} ms, checkpoint ${round(checkpointMs)} ms`;
  return `${bench.deviceCount} kept, ${memory}, disk ${round(bench.diskMebibytes)} MiB, ${times}`;
}

// As the program does.
boundYoungGeneration();
const { values } = parseArgs({ options: { flood: { type: 'string' } } });
if (values.flood === undefined) {
  await measureCommits();
  await measureSize();
} else await flood(Number(values.flood));
