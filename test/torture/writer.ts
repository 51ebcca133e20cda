/**
 * A homeserver's log, written and rotated in a process of its own. In: a WriterSetup as the first argument, then orders. Out: real files; at the end the truth.
 *
 * The same bytes go through a pipeline of its own that nothing disturbs: what that shows is what the tortured watcher has to show.
 */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { renderMetrics } from '../../daemon/http/registry.ts';
import { loadRuleSet } from '../../daemon/rules/rule-set-loader.ts';
import { ChunkFeeder } from '../../daemon/sources/chunk-feeder.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { LogStream } from '../bench/generator/log-stream.ts';
import type { Order, RotationKind, WriterSetup, WriterTruth } from './orders.ts';

/** Generations kept. More than are made while a watcher starts. */
const KEPT_GENERATIONS = 60;
const TICK_MS = 10;
/** How long a writer that isn't told of a rotation goes on in the renamed file. */
const LATE_MS = 8;
/** In log time; only long polls take longer. */
const LONGEST_REQUEST_MS = 30_000;
const DAY_MS = 86_400_000;

class Writer {
  readonly #setup: WriterSetup;
  readonly #options: { startMs: number };
  readonly #stream: LogStream;
  readonly #pipeline: Pipeline;
  readonly #feeder: ChunkFeeder;
  readonly #startedMs = performance.now();
  #fd: number;
  #deniedFd: number | undefined;
  #days = 0;
  #lines = 0;
  #bytes = 0;

  constructor(setup: WriterSetup, pipeline: Pipeline) {
    const { path, seed, linesPerSecond, deviceCount } = setup;
    this.#setup = setup;
    const options = { profile: 'info', seed, linesPerSecond, startMs: Date.now(), wedgedCount: deviceCount } as const;
    this.#options = { ...options };
    this.#stream = new LogStream(this.#options as typeof options);
    this.#pipeline = pipeline;
    this.#feeder = new ChunkFeeder(pipeline.addSource({ name: 'homeserver.log', timeZone: 'UTC' }));
    this.#fd = fs.openSync(path, 'a');
  }

  /** Writes what is due by now, whole records. */
  write(): void {
    this.#write(performance.now() - this.#startedMs);
  }

  #write(untilMs: number): void {
    const parts: string[] = [];
    while (this.#stream.nowMs < untilMs) this.#stream.playMillisecond((text) => parts.push(text));
    if (parts.length === 0) return;
    const bytes = Buffer.from(parts.join(''));
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#fd, bytes, done);
    this.#feeder.push(bytes);
    this.#bytes += bytes.length;
    for (const byte of bytes) if (byte === 10) this.#lines++;
  }

  async obey(order: Order): Promise<void> {
    this.write();
    if (order.do === 'rotate') await this.#rotate(order.kind);
    if (order.do === 'pack') this.#pack(order.age);
    if (order.do === 'step clock') this.#options.startMs += order.ms;
    if (order.do === 'permit') this.#permit(order.isPermitted);
  }

  /** No request begins any more; those that are open end. */
  async end(): Promise<WriterTruth> {
    this.write();
    this.#stream.setRate(0);
    this.#write(this.#stream.nowMs + LONGEST_REQUEST_MS);
    fs.closeSync(this.#fd);
    this.#feeder.settle();
    this.#pipeline.refreshMetrics();
    const { contract } = this.#stream.truth();
    const column = contract.deviceColumns.indexOf('refusals');
    const conflicts = Object.entries(contract.devices).map(([device, counts]) => [device.replace('|', ' '), counts[column] ?? 0] as const);
    const { body } = await renderMetrics(this.#pipeline.metrics, 'text');
    return {
      lines: this.#lines,
      bytes: this.#bytes,
      conflicts: Object.fromEntries(conflicts.filter(([, count]) => count > 0)),
      exposition: body,
    };
  }

  /** Of the file that is live when permission is taken; it may be rotated before it's given back. */
  #permit(isPermitted: boolean): void {
    if (!isPermitted) this.#deniedFd = fs.openSync(this.#setup.path, 'r');
    if (this.#deniedFd === undefined) return;
    fs.fchmodSync(this.#deniedFd, isPermitted ? 0o644 : 0);
    if (!isPermitted) return;
    fs.closeSync(this.#deniedFd);
    this.#deniedFd = undefined;
  }

  async #rotate(kind: RotationKind): Promise<void> {
    const { path } = this.#setup;
    if (kind === 'delete') fs.rmSync(path);
    else this.#shift();
    if (kind === 'copytruncate') {
      fs.copyFileSync(path, this.#nameOf(1));
      fs.ftruncateSync(this.#fd, 0);
      return;
    }
    if (kind !== 'delete') fs.renameSync(path, this.#nameOf(1));
    if (kind === 'late') {
      const untilMs = performance.now() + LATE_MS;
      while (performance.now() < untilMs) {
        await sleep(1);
        this.write();
      }
    }
    fs.closeSync(this.#fd);
    this.#fd = fs.openSync(path, 'a');
  }

  /** Makes room for generation 1. */
  #shift(): void {
    if (this.#setup.naming === 'dated') this.#days++;
    for (const ending of ['', '.gz']) {
      fs.rmSync(this.#nameOf(KEPT_GENERATIONS) + ending, { force: true });
      if (this.#setup.naming === 'dated') continue;
      for (let age = KEPT_GENERATIONS - 1; age >= 1; age--) {
        if (fs.existsSync(this.#nameOf(age) + ending)) fs.renameSync(this.#nameOf(age) + ending, this.#nameOf(age + 1) + ending);
      }
    }
  }

  /** As gzip does: under another name first, with the time of the last write. */
  #pack(age: number): void {
    const name = this.#nameOf(age);
    if (!fs.existsSync(name)) return;
    const { atime, mtime } = fs.statSync(name);
    fs.writeFileSync(`${name}.gz`, gzipSync(fs.readFileSync(name), { level: 1 }));
    fs.utimesSync(`${name}.gz`, atime, mtime);
    fs.rmSync(name);
  }

  /** 1: the youngest rotated one. */
  #nameOf(age: number): string {
    const { path, naming } = this.#setup;
    if (naming === 'numbered') return `${path}.${age}`;
    return `${path}.${new Date(Date.UTC(2026, 0, 1) + (this.#days - age) * DAY_MS).toISOString().slice(0, 10)}`;
  }
}

async function run(setup: WriterSetup): Promise<void> {
  const rules = await loadRuleSet();
  if (!rules.ok) throw new Error('Cannot read the rules');
  const writer = new Writer(setup, new Pipeline({ rules: rules.value, metrics: new MetricStore() }));
  const ticking = setInterval(() => writer.write(), TICK_MS);
  // One after the other: some take a while.
  let queue = Promise.resolve();
  process.on('message', (order: Order) => {
    queue = queue.then(async () => {
      await writer.obey(order);
      if (order.do !== 'end') {
        process.send?.({ done: order.do });
        return;
      }
      clearInterval(ticking);
      process.send?.(await writer.end(), () => process.disconnect());
    });
  });
  process.send?.({ done: 'begin' });
}

const [, , setup] = process.argv;
if (setup !== undefined && process.send !== undefined) await run(JSON.parse(setup) as WriterSetup);
