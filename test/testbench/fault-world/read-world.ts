/** The logs of a made-up world through the real pipeline: pieces of several sources in turn, as a follower reads them. */
import { type Analysis, createAnalysis } from '../../../src/analysis.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { Pipeline } from '../../../src/pipeline.ts';
import { Random } from '../../bench/generator/random.ts';
import { BUILT_IN_RULES } from '../../src/facts/read-log.ts';
import type { World } from './world.ts';

export interface Reading {
  readonly analysis: Analysis;
  readonly pipeline: Pipeline;
}

/**
 * @param seed of the pieces' sizes and of whose turn it is; null: each source at once, one after the other
 * @param from how much of each log is missing at its beginning: 0 none, 0.5 half
 */
export function readWorld(world: World, seed: number | null = null, from = 0): Reading {
  const random = seed === null ? null : new Random(seed);
  const pipeline = new Pipeline({ rules: BUILT_IN_RULES, metrics: new MetricStore() });
  const sources = world.logs().map(({ name, text }) => ({
    stream: pipeline.addSource({ name, timeZone: 'UTC' }),
    bytes: Buffer.from(text).subarray(Math.floor(from * Buffer.byteLength(text))),
    at: 0,
    held: 0,
  }));
  for (let open = [...sources]; open.length > 0; open = open.filter(({ at, bytes }) => at < bytes.length)) {
    // Whoever is furthest behind reads on, as `analyze` does; a piece at a time.
    const source =
      random === null ? (open[0] as (typeof open)[number]) : open.reduce((a, b) => (a.stream.clockMs <= b.stream.clockMs ? a : b));
    const size = random === null ? source.bytes.length : 1 + random.int(random.pick([200, 4000, 60_000]));
    source.at = Math.min(source.bytes.length, source.at + size);
    const rest = source.bytes.subarray(source.held, source.at);
    source.held += source.stream.read(rest, rest.length);
    if (source.at < source.bytes.length) continue;
    const last = source.bytes.subarray(source.held);
    source.stream.finish(last, last.length);
    pipeline.endSource(source.stream);
  }
  pipeline.end();
  const reports = sources.map(({ stream }) => ({ path: stream.name, stream, gaps: [] }));
  return { analysis: createAnalysis(pipeline, reports), pipeline };
}
