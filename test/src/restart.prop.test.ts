/**
 * A restart at any committed position gives the same facts, tables and counters as a run without one: the rows that were committed, and the bytes
 * behind the committed position, are all that a crash leaves.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/facts/fact.ts';
import type { KeptRows } from '../../src/kept-rows.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import type { JoinBounds } from '../../src/requests/request-joiner.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import { MemoryState } from '../testbench/memory-state.ts';
import { BUILT_IN_RULES, isMeasure, type LogReading, outcomeOf, readLog } from './facts/read-log.ts';
import { scenario } from './facts/scenario.ts';
import { ALL_ENVELOPES, LAYOUTS, type Layout, renderEnveloped, renderLog } from './records/log-lines.ts';

const layout = fc.constantFrom(...(Object.keys(LAYOUTS) as Layout[]));

/** Read so many bytes, then do this. */
interface Step {
  readonly bytes: number;
  readonly next: 'read on' | 'commit' | 'crash';
}

const step: fc.Arbitrary<Step> = fc.record({
  bytes: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 3000 })),
  next: fc.constantFrom('read on', 'commit', 'commit', 'crash'),
});
const steps = fc.array(step, { minLength: 5, maxLength: 40 });

/** Few enough that joins are evicted too. */
const TIGHT: JoinBounds = { maxOpen: 6, maxAgeMs: 20 * 60_000, maxRecords: 2 };

/** The daemon's part: reads generations, commits, is killed and started anew. */
class MortalReader {
  readonly #generations: readonly Uint8Array[];
  readonly #joinBounds: JoinBounds;
  readonly #state = new MemoryState();
  #committed = { generation: 0, position: 0, factCount: 0 };
  crashCount = 0;
  problems: string[] = [];

  facts: Fact[] = [];
  pipeline!: Pipeline;
  stream!: SourceStream;
  #kept!: readonly KeptRows[];
  #generation = 0;
  #readTo = 0;
  #held = new Uint8Array(0);

  constructor(generations: readonly Uint8Array[], joinBounds: JoinBounds) {
    this.#generations = generations;
    this.#joinBounds = joinBounds;
    this.#start();
  }

  /** Takes the steps again and again until all is read. */
  run(plan: readonly Step[]): this {
    for (let i = 0; this.#generation < this.#generations.length; i++) {
      const { bytes, next } = plan[i % plan.length]!;
      this.#read(bytes);
      // A run that crashes for ever would never end.
      if (next === 'crash' && this.crashCount < 50) this.#crash();
      else if (next === 'commit') this.#commit();
    }
    this.pipeline.end();
    return this;
  }

  reading(): LogReading {
    const { pipeline, stream, facts } = this;
    const [measures, others] = [facts.filter(isMeasure), facts.filter((fact) => !isMeasure(fact))];
    return { pipeline, stream, facts: others, measures, samples: [], mostHeldBytes: 0 };
  }

  #start(): void {
    this.pipeline = new Pipeline({
      rules: BUILT_IN_RULES,
      metrics: new MetricStore(),
      joinBounds: this.#joinBounds,
      onFact: (fact) => this.facts.push(fact),
    });
    this.stream = this.pipeline.addSource({ name: 'homeserver.log', timeZone: 'UTC' });
    this.#kept = this.pipeline.keptRows();
  }

  #read(count: number): void {
    const bytes = this.#generations[this.#generation]!;
    const end = Math.min(bytes.length, this.#readTo + count);
    const buffer = Buffer.concat([this.#held, bytes.subarray(this.#readTo, end)]);
    this.#readTo = end;
    const done = this.stream.read(buffer, buffer.length);
    this.#held = buffer.subarray(done);
    if (end < bytes.length) return;
    this.stream.finish(this.#held, this.#held.length);
    this.#held = new Uint8Array(0);
    this.#generation++;
    this.#readTo = 0;
  }

  #commit(): void {
    this.#state.commit(this.#kept);
    this.#committed = { generation: this.#generation, position: this.#readTo - this.#held.length, factCount: this.facts.length };
  }

  #crash(): void {
    this.crashCount++;
    const { generation, position, factCount } = this.#committed;
    this.facts = this.facts.slice(0, factCount);
    this.#start();
    this.problems.push(...this.#state.restore(this.#kept));
    this.stream.begin(position);
    this.#generation = generation;
    this.#readTo = position;
    this.#held = new Uint8Array(0);
  }
}

/** Splits behind a line, so that no record lies in two generations. */
function splitLog(log: string, share: number): Uint8Array[] {
  const at = log.indexOf('\n', Math.floor(log.length * share)) + 1;
  return [Buffer.from(log.slice(0, at)), Buffer.from(log.slice(at))].filter((part) => part.length > 0);
}

describe('a restart', () => {
  it.each(ALL_ENVELOPES)('gives what a run without it gives, in the envelope "%s"', (envelope) => {
    fc.assert(
      fc.property(scenario, steps, ({ entries }, plan) => {
        const log = Buffer.from(renderEnveloped(entries, envelope));
        const reader = new MortalReader([log], TIGHT).run(plan);
        expect(reader.problems).toEqual([]);
        const whole = readLog(log, { joinBounds: TIGHT });
        expect(outcomeOf(reader.reading())).toEqual(outcomeOf(whole));
        expect(reader.stream.counts.bytes).toBe(log.length);
      }),
      { numRuns: 20 },
    );
  });

  it('at any committed position gives what a run without it gives, in every layout', () => {
    let crashes = 0;
    fc.assert(
      fc.property(
        scenario,
        layout,
        steps,
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.boolean(),
        (made, name, plan, share, isTight) => {
          const generations = splitLog(renderLog(made.entries, name), share);
          const joinBounds = isTight ? TIGHT : { ...TIGHT, maxOpen: 1000 };
          const reader = new MortalReader(generations, joinBounds).run(plan);
          crashes += reader.crashCount;
          expect(reader.problems).toEqual([]);
          const undisturbed = readLog(generations, { joinBounds });
          const reading = reader.reading();
          expect(outcomeOf(reading)).toEqual(outcomeOf(undisturbed));
          expect(reading.measures).toEqual(undisturbed.measures);
          // Without times, which of two devices is named first is chance.
          if (name === 'JSON without time') return;
          expect(reading.pipeline.incidents()).toEqual(undisturbed.pipeline.incidents());
          expect(reading.pipeline.answers()).toEqual(undisturbed.pipeline.answers());
        },
      ),
      { numRuns: 300 },
    );
    expect(crashes).toBeGreaterThan(500);
  }, 90_000);

  it('in the middle of a line that is cut goes on skipping it', () => {
    const entry = renderLog([]);
    const long = `${'x'.repeat(700_000)}\n`;
    const log = Buffer.from(`${entry}${long}short\n`);
    const plan: Step[] = [
      { bytes: 300_000, next: 'commit' },
      { bytes: 100_000, next: 'crash' },
      { bytes: 600_000, next: 'read on' },
    ];
    const { stream } = new MortalReader([log], TIGHT).run(plan);
    expect(stream.counts).toMatchObject({ lines: 2, cutLines: 1, bytes: log.length });
  });
});

describe('a commit', () => {
  it('writes nothing where nothing was read since the last one', () => {
    const pipeline = new Pipeline({ rules: BUILT_IN_RULES, metrics: new MetricStore() });
    const stream = pipeline.addSource({ name: 'homeserver.log', timeZone: 'UTC' });
    const [kept, state] = [pipeline.keptRows(), new MemoryState()];
    expect(state.commit(kept)).toBeGreaterThan(0);
    expect(state.commit(kept)).toBe(0);
    stream.read(Buffer.from('no record\n'), 10);
    expect(state.commit(kept)).toBeGreaterThan(0);
    expect(state.commit(kept)).toBe(0);
  });
});
