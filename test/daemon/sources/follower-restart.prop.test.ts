/**
 * The model test of follower.prop.test.ts with a process that dies: random sequences of writes, looks, rotations by rename, packing, commits and crashes. Whatever
 * comes in whatever order, the bytes taken at the end are the bytes written, once and in order.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Commit, FollowBench } from '../../testbench/follow-bench.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

type Step = 'write' | 'write long' | 'half a line' | 'look' | 'rest' | 'rotate' | 'rotate, seen' | 'pack' | 'pack all' | 'commit' | 'crash';

const step = fc.constantFrom<Step>(
  'write',
  'write',
  'write long',
  'half a line',
  'look',
  'rest',
  'rotate',
  'rotate',
  'rotate, seen',
  'pack',
  'pack all',
  'commit',
  'commit',
  'crash',
);
const steps = fc.array(step, { maxLength: 40, size: 'max' });

/** No two stretches of a log are alike: its stamps differ. */
let serial = 0;
const stretch = (length: number): string => Array.from({ length: length / 10 }, () => `${`${++serial}`.padStart(9)},`).join('');

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
/** What a packer loses of a time that it keeps to the second. */
const LOST_SECONDS = 0.7;
const dateOf = (day: number): string => new Date(START_MS + day * DAY_MS).toISOString().slice(0, 10);

class World {
  readonly path = join(createTempFolder(), 'homeserver.log');
  readonly writer = new LogWriter(this.path);
  readonly isDated: boolean;
  readonly keepsWholeSeconds: boolean;
  written = '';
  rotations = 0;
  packed = 0;
  crashes = 0;
  bench: FollowBench;
  #committed: Commit;

  /** `keepsWholeSeconds`: the packer keeps the time of the last write to the second only. */
  constructor(isDated: boolean, holdsLastLine: boolean, keepsWholeSeconds: boolean) {
    this.isDated = isDated;
    this.keepsWholeSeconds = keepsWholeSeconds;
    // A file of which nothing is known can't be found again: the first bytes are there when it starts.
    this.write(`${stretch(100)}\n`);
    this.bench = new FollowBench(this.path, { keepsBytes: true, holdsLastLine }).start();
    this.#committed = this.bench.commit();
  }

  write(text: string): void {
    this.writer.write(text);
    this.written += text;
  }

  async take(next: Step): Promise<void> {
    if (next === 'write') this.write(`${stretch(50)}\n`);
    if (next === 'write long') this.write(`${stretch(90_000)}\n`);
    if (next === 'half a line') this.write(stretch(40));
    if (next === 'look') this.bench.look();
    if (next === 'rest') await this.bench.restLong();
    if (next === 'rotate' || next === 'rotate, seen') this.#rotate();
    // What stands at the path is held from now on, if it isn't read at once.
    if (next === 'rotate, seen') this.bench.look();
    if (next === 'pack') this.#pack();
    if (next === 'pack all') while (this.#pack());
    if (next === 'commit') this.#committed = this.bench.commit();
    if (next === 'crash') this.#crash();
  }

  async end(): Promise<void> {
    this.write('end\n');
    await this.bench.restLong();
    this.bench.follower.stop();
    this.writer.close();
  }

  #rotate(): void {
    // An empty generation is never left, and a line that isn't ended ends with its generation: neither is lost or doubled.
    if (this.isDated) this.writer.rotateDated(dateOf(this.rotations));
    else this.writer.rotateNumbered(99);
    // The kernel's clock ticks every 4 ms: rotations of one tick could not be told apart by their last writes.
    const time = START_MS / 1000 + 2 * this.rotations + LOST_SECONDS;
    fs.utimesSync(this.#newest(), time, time);
    this.rotations++;
    this.write(`${stretch(100)}\n`);
  }

  #newest(): string {
    return this.isDated ? `${this.path}.${dateOf(this.rotations)}` : `${this.path}.1`;
  }

  /** The oldest generation that is still plain, as gzip does it. False: there is none. */
  #pack(): boolean {
    const folder = join(this.path, '..');
    const plain = fs.readdirSync(folder).filter((name) => /\.(?:\d+|\d{4}-\d\d-\d\d)$/.test(name));
    const numbers = plain.sort((a, b) => (this.isDated ? (a < b ? -1 : 1) : Number(b.split('.').at(-1)) - Number(a.split('.').at(-1))));
    const name = numbers[0];
    if (name === undefined) return false;
    const file = join(folder, name);
    const seconds = fs.statSync(file).mtimeMs / 1000;
    const kept = this.keepsWholeSeconds ? Math.floor(seconds) : seconds;
    fs.writeFileSync(`${file}.gz`, gzipSync(fs.readFileSync(file)));
    fs.utimesSync(`${file}.gz`, kept, kept);
    fs.rmSync(file);
    this.packed++;
    return true;
  }

  #crash(): void {
    this.bench = this.bench.restart(() => {}, this.#committed);
    this.#committed = this.bench.commit();
    this.crashes++;
  }
}

describe('property', () => {
  it.each([
    ['dated', true],
    ['numbered', false],
  ])(
    'any crashes, rotations (%s) and packing neither lose nor double a byte',
    async (_, isDated) => {
      const seen = { rotations: 0, packed: 0, crashes: 0 };
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), fc.boolean(), async (plan, holdsLastLine, keepsWholeSeconds) => {
          const world = new World(isDated, holdsLastLine, keepsWholeSeconds);
          for (const next of plan) await world.take(next);
          await world.end();
          const { bench, written } = world;
          for (const name of ['rotations', 'packed', 'crashes'] as const) seen[name] += world[name];
          const taken = bench.consumer.bytes.toString() + bench.consumer.heldText;
          expect(taken === written, `taken ${taken.length}, written ${written.length}, gaps ${JSON.stringify(bench.gaps)}`).toBe(true);
          expect(bench.gaps).toEqual([]);
          expect(bench.fileSystem.openCount).toBe(0);
        }),
        { numRuns: 120 },
      );
      expect(seen.rotations).toBeGreaterThan(200);
      expect(seen.packed).toBeGreaterThan(50);
      expect(seen.crashes).toBeGreaterThan(100);
    },
    90_000,
  );
});
