// `analyze --json`, killed in between: reads half of the files, keeps what the state database would keep, reads on a little, is gone, and a new pipeline
// goes on from what was kept. For the scorer: what it prints has to be as good as a reading without a break.
//
//   node ../shared/tools/score.mjs --cmd "node_modules/.bin/node test/gate/analyze-in-halves.ts"

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { loadRuleSet } from '../../daemon/rules/rule-set-loader.ts';
import { findTwins } from '../../daemon/sources/twin-files.ts';
import { createAnalysis } from '../../src/analysis.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import type { RuleSet } from '../../src/rules/rule-set.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import { groupIntoSources } from '../../src/tail/generations.ts';
import { MemoryState } from '../testbench/memory-state.ts';

const STEP_BYTES = 16 * 1024;

/** How far a source has been read: bytes before `position` of that generation are done with, those before `readTo` were shown. */
interface Place {
  readonly generation: number;
  readonly position: number;
  readonly readTo: number;
}

class Reading {
  readonly path: string;
  readonly generations: readonly Uint8Array[];
  stream!: SourceStream;
  place: Place = { generation: 0, position: 0, readTo: 0 };

  constructor(path: string, files: readonly string[]) {
    this.path = path;
    this.generations = files.map((file) => (file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)));
  }

  get isDone(): boolean {
    return this.place.generation >= this.generations.length;
  }

  get sizeBytes(): number {
    return this.generations.reduce((sum, { length }) => sum + length, 0);
  }

  get readBytes(): number {
    return this.generations.slice(0, this.place.generation).reduce((sum, { length }) => sum + length, 0) + this.place.readTo;
  }

  /** Goes on at a place with a stream that knows what was kept there. */
  start(stream: SourceStream, { generation, position }: Place): void {
    this.stream = stream;
    this.place = { generation, position, readTo: position };
    stream.begin(position);
  }

  step(): void {
    const { generation, position, readTo } = this.place;
    const bytes = this.generations[generation] as Uint8Array;
    const end = Math.min(bytes.length, readTo + STEP_BYTES);
    // A buffer of its own, as a reader has: behind `length` stands nothing of the file.
    const held = Uint8Array.from(bytes.subarray(position, end));
    const done = this.stream.read(held, held.length);
    this.place = { generation, position: position + done, readTo: end };
    if (end < bytes.length) return;
    this.stream.finish(held.subarray(done), held.length - done);
    this.place = { generation: generation + 1, position: 0, readTo: 0 };
  }
}

function createPipeline(rules: RuleSet, timeZone: string, readings: readonly Reading[], places: readonly Place[]): Pipeline {
  const pipeline = new Pipeline({ rules, metrics: new MetricStore() });
  const streams = readings.map(({ path }) => pipeline.addSource({ name: path, timeZone }));
  for (const [i, reading] of readings.entries()) reading.start(streams[i] as SourceStream, places[i] as Place);
  return pipeline;
}

/** Whoever is furthest behind in log time reads on, until so many bytes are read. */
function readUntil(pipeline: Pipeline, readings: readonly Reading[], bytes: number): void {
  for (;;) {
    const open = readings.filter(({ isDone }) => !isDone);
    if (open.length === 0 || readings.reduce((sum, { readBytes }) => sum + readBytes, 0) >= bytes) return;
    const next = open.reduce((a, b) => (b.stream.clockMs < a.stream.clockMs ? b : a));
    next.step();
    if (next.isDone) pipeline.endSource(next.stream);
  }
}

const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' }, timezone: { type: 'string' } }, allowPositionals: true });
const timeZone = values.timezone ?? 'UTC';
const rules = await loadRuleSet({ extraPaths: [] });
if (!rules.ok) throw new Error('the built-in rules are wrong');
const { sources } = await findTwins(groupIntoSources(positionals).sources, timeZone);
const readings = sources.map(({ path, generations }) => new Reading(path, generations));
const total = readings.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
const first = createPipeline(
  rules.value,
  timeZone,
  readings,
  readings.map(({ place }) => place),
);
readUntil(first, readings, total / 2);
const state = new MemoryState();
state.commit(first.keptRows());
const kept = readings.map(({ place }) => place);
readUntil(first, readings, total * 0.6);
const second = createPipeline(rules.value, timeZone, readings, kept);
const problems = state.restore(second.keptRows());
if (problems.length > 0) throw new Error(problems.join('\n'));
readUntil(second, readings, Number.POSITIVE_INFINITY);
second.end();
const reports = readings.map(({ path, stream }) => ({ path, stream, gaps: [] }));
process.stdout.write(`${JSON.stringify(createAnalysis(second, reports))}\n`);
