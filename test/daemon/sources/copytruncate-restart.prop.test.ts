/**
 * copytruncate and a process that dies: random sequences of writes, looks, emptyings with a copy, commits and crashes. Whatever comes in whatever order, no line is taken
 * twice, and none that is in a copy is lost.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FollowBench } from '../../testbench/follow-bench.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

type Step = 'write' | 'look' | 'rest' | 'copytruncate' | 'commit' | 'crash';

const step = fc.constantFrom<Step>('write', 'write', 'look', 'rest', 'copytruncate', 'copytruncate', 'commit', 'crash');
const steps = fc.array(step, { maxLength: 30, size: 'max' });

class World {
  readonly writer = new LogWriter(join(createTempFolder(), 'homeserver.log'));
  bench: FollowBench;
  lineCount = 0;
  readonly counts = { copytruncate: 0, crash: 0 };
  #committed;

  constructor() {
    // A file that is emptied before anything of it was read leaves no trace.
    this.#write();
    this.bench = new FollowBench(this.writer.path).start();
    this.#committed = this.bench.commit();
  }

  async take(next: Step): Promise<void> {
    if (next === 'copytruncate' || next === 'crash') this.counts[next]++;
    if (next === 'write') this.#write();
    if (next === 'look') this.bench.look();
    if (next === 'rest') await this.bench.restLong();
    if (next === 'copytruncate') this.writer.copyTruncate('', 99);
    if (next === 'commit') this.#committed = this.bench.commit();
    if (next === 'crash') this.bench = this.bench.restart(() => {}, this.#committed);
  }

  async end(): Promise<void> {
    this.#write();
    await this.bench.restLong();
    this.bench.follower.stop();
    this.writer.close();
  }

  /** Each is told from every other, and long enough to prove a copy. */
  #write(): void {
    this.writer.write(`line ${this.lineCount++} ${'x'.repeat(30)}\n`);
  }
}

describe('property', () => {
  it('any crashes and copytruncate double nothing, and lose nothing that is in a copy', async () => {
    const seen = { copytruncate: 0, crash: 0 };
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const world = new World();
        for (const next of plan) await world.take(next);
        await world.end();
        for (const kind of ['copytruncate', 'crash'] as const) seen[kind] += world.counts[kind];
        const numbers = world.bench.lines.map((line) => Number(line.split(' ')[1]));
        expect(numbers, world.bench.events.join()).toEqual(Array.from({ length: world.lineCount }, (_, number) => number));
      }),
      { numRuns: 300 },
    );
    expect(Math.min(seen.copytruncate, seen.crash)).toBeGreaterThan(100);
  }, 90_000);
});
