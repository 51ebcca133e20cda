/**
 * Vector's model test (peers.md 4, case 37) for our follower: random sequences of writes, looks and rotations against a model that is nothing but the text
 * written. By renames and deletions no byte may be lost, doubled or out of order; with truncation a line may be lost only if it was not yet read.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FollowBench } from '../../testbench/follow-bench.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import type { ReusedInodes } from '../../testbench/reused-inodes.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

type Rotation = 'rotate numbered' | 'rotate numbered, keep one' | 'rotate dated' | 'shift' | 'delete' | 'copytruncate' | 'truncate';
type Step =
  | { readonly do: 'write'; readonly text: string; readonly times: number }
  | { readonly do: 'look' | 'rest' | 'write late' | 'write late in a search' | Rotation };

const write: fc.Arbitrary<Step> = fc
  .string({ unit: fc.constantFrom('a', 'é', '€', '\n', '😀'), maxLength: 12 })
  .map((text) => ({ do: 'write', text, times: 1 }));
/** Longer than a line or a record may be, and than a read. */
const longWrite: fc.Arbitrary<Step> = fc.constantFrom(70_000, 150_000).map((times) => ({ do: 'write', text: 'long', times }));

/** No two stretches of it are alike: a file that holds the same bytes is taken for a copy. */
let serial = 0;
const longText = (times: number): string => Array.from({ length: times / 10 }, () => `${`${++serial}`.padStart(9)},`).join('');
const other = (...names: Exclude<Step['do'], 'write'>[]): fc.Arbitrary<Step> => fc.constantFrom(...names).map((name) => ({ do: name }));
const stepsOf = (...steps: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> => fc.array(fc.oneof(...steps), { maxLength: 30, size: 'max' });

/** Files that are deleted unread, each seen at the path before: the follower promises to hold more than these (8). */
const MAX_UNREAD_DELETED = 6;

/**
 * Real files and a follower, taken from step to step; it knows what a follower has to give, whatever it does.
 *
 * A file counts as seen when the follower has looked while it stood at the path. What was never seen and is deleted is gone for every reader, so such a file is read
 * before it's deleted (`rest`).
 */
class World {
  readonly path: string;
  readonly bench: FollowBench;
  readonly writer: LogWriter;
  /** What was written, by generation. */
  readonly generations: string[] = [''];
  readonly counts = { late: 0, lateInSearch: 0, unreadDeleted: 0 };
  readonly inodes: ReusedInodes;
  #days = 0;
  /** The writer wasn't told of the last rotation: it goes on in the renamed file, and there is none at the path. */
  #isShifted = false;
  #isSeen = true;
  /** Files that have a name and are not read, none of which may be deleted. */
  #areUnseenNamed = false;
  #unreadDeleted = 0;
  /** The renamed file that the writer still holds; it was written to since time passed, so the follower can't have left it. */
  #old: { wasWrittenSinceRest: boolean } | undefined;
  #wasWrittenSinceRest = false;

  constructor() {
    this.path = join(createTempFolder(), 'homeserver.log');
    this.writer = new LogWriter(this.path);
    this.bench = new FollowBench(this.path, { keepsBytes: true });
    this.inodes = this.bench.fileSystem.reuseInodes(dirname(this.path));
    this.bench.start();
  }

  take(step: Step): void {
    if (step.do === 'write') this.#write(step.times === 1 ? step.text : longText(step.times * step.text.length));
    else if (step.do === 'look') this.#look();
    else if (step.do === 'rest') this.#rest();
    else if (step.do === 'write late') this.#writeLate('late');
    else if (step.do === 'write late in a search') this.#writeLateInSearch();
    else this.#rotate(step.do);
  }

  end(): void {
    // What follows a generation that is still empty is read when there is something.
    this.#write('end\n');
    this.#rest();
    this.bench.follower.stop();
    this.writer.close();
  }

  #write(text: string): void {
    this.writer.write(text);
    this.#note(text, this.generations.length - 1);
    if (text !== '') this.#wasWrittenSinceRest = true;
  }

  #note(text: string, generation: number): void {
    this.generations[generation] += text;
  }

  #look(): void {
    this.bench.look();
    if (!this.#isShifted) this.#isSeen = true;
  }

  #rest(): void {
    this.bench.rest();
    this.#isSeen = true;
    this.#areUnseenNamed = false;
    this.#unreadDeleted = 0;
    this.#wasWrittenSinceRest = false;
    if (this.#old !== undefined) this.#old.wasWrittenSinceRest = false;
  }

  /** The old file isn't left while the new one is empty, nor within a moment of its last growth. */
  #writeLate(counted: 'late' | 'lateInSearch'): void {
    if (this.#old === undefined || this.#isShifted) return;
    const isSafe = this.#old.wasWrittenSinceRest || counted === 'lateInSearch' || fs.statSync(this.path).size === 0;
    if (!isSafe) return;
    this.writer.writeLate('late\n');
    this.#note('late\n', this.generations.length - 2);
    this.#old.wasWrittenSinceRest = true;
    this.counts[counted]++;
  }

  /** While the follower searches for what comes after a file, it hasn't left that file: a line that comes then is read. */
  #writeLateInSearch(): void {
    const { fileSystem } = this.bench;
    fileSystem.onCall = (call) => {
      if (call !== 'list') return;
      fileSystem.onCall = () => {};
      this.#writeLate('lateInSearch');
    };
  }

  #rotate(rotation: Rotation): void {
    // A writer that was not told of the last rotation reopens first: rotating a path that isn't there is no case.
    if (this.#isShifted) this.#reopened();
    if (rotation === 'copytruncate') return this.writer.copyTruncate('', 99);
    if (rotation === 'truncate') return this.writer.truncate();
    if (rotation === 'delete' || rotation === 'rotate numbered, keep one') this.#prepareDeletion(rotation);
    else if (!this.#isSeen) this.#areUnseenNamed = true;
    if (rotation === 'delete') this.writer.deleteAndCreate();
    else if (rotation === 'rotate dated') this.writer.rotateDated(new Date(Date.UTC(2026, 0, ++this.#days)).toISOString().slice(0, 10));
    else if (rotation === 'shift') this.writer.shiftNumbered(99);
    else this.writer.rotateNumbered(rotation === 'rotate numbered' ? 99 : 1);
    if (rotation === 'shift') this.#isShifted = true;
    else this.#begun(rotation !== 'delete');
  }

  #reopened(): void {
    this.writer.reopen();
    this.#isShifted = false;
    this.#begun(true);
  }

  #begun(hasOld: boolean): void {
    this.generations.push('');
    this.#old = hasOld ? { wasWrittenSinceRest: this.#wasWrittenSinceRest } : undefined;
    this.#wasWrittenSinceRest = false;
    this.#isSeen = false;
  }

  /** The live file, or all that has a name, goes. */
  #prepareDeletion(rotation: Rotation): void {
    this.#look();
    if (this.#unreadDeleted === MAX_UNREAD_DELETED || (rotation !== 'delete' && this.#areUnseenNamed)) this.#rest();
    this.#unreadDeleted++;
    this.counts.unreadDeleted++;
  }
}

/** Runs the steps on real files. */
function play(steps: readonly Step[]): World {
  const world = new World();
  for (const step of steps) world.take(step);
  world.end();
  return world;
}

/** Truncations of a file of which something was read: a reader can know of each of them. */
function knowableTruncations(steps: readonly Step[]): number {
  let count = 0;
  let [hasLines, isRead] = [false, false];
  for (const step of steps) {
    if (step.do === 'write') hasLines = true;
    // A look alone may leave the follower in the generation before.
    else if (step.do === 'rest') isRead = hasLines;
    else if (step.do !== 'look') {
      if (isRead && step.do !== 'rotate numbered') count++;
      [hasLines, isRead] = [false, false];
    }
  }
  return count;
}

const textOf = (bench: FollowBench): string => bench.consumer.bytes.toString() + bench.consumer.heldText;

describe('property', () => {
  it.each([
    ['numbered', other('rotate numbered', 'shift', 'write late', 'write late in a search'), ['late', 'lateInSearch']],
    ['dated', other('rotate dated', 'write late', 'write late in a search'), ['late', 'lateInSearch']],
    ['by deletion', other('delete'), ['inodesReused', 'unreadDeleted']],
    ['numbered, of which one is kept', other('rotate numbered, keep one', 'rotate numbered', 'write late'), ['late', 'unreadDeleted']],
    [
      'numbered and by deletion',
      other('rotate numbered', 'rotate numbered, keep one', 'delete', 'shift', 'write late', 'write late in a search'),
      ['lateInSearch', 'unreadDeleted'],
    ],
  ] as const)(
    'rotations %s neither lose nor double a byte, whenever the follower looks',
    (_, rotations, cases) => {
      const seen = { rotations: 0, inodesReused: 0, late: 0, lateInSearch: 0, unreadDeleted: 0 };
      fc.assert(
        fc.property(stepsOf(write, write, write, longWrite, other('look'), other('look', 'rest'), rotations, rotations), (steps) => {
          const { bench, generations, counts, inodes } = play(steps);
          const written = generations.join('');
          seen.rotations += bench.events.filter((event) => event.startsWith('rotated')).length;
          seen.inodesReused += inodes.reuseCount;
          for (const kind of ['late', 'lateInSearch', 'unreadDeleted'] as const) seen[kind] += counts[kind];
          expect(textOf(bench) === written, `read ${textOf(bench).slice(0, 200)}, written ${written.slice(0, 200)}`).toBe(true);
          expect(bench.gaps).toEqual([]);
          expect(bench.fileSystem.openCount).toBe(0);
        }),
        { numRuns: 200 },
      );
      // A case that doesn't come shows nothing.
      expect(seen.rotations).toBeGreaterThan(100);
      for (const kind of cases) expect(seen[kind], kind).toBeGreaterThan(20);
    },
    90_000,
  );

  it.each([
    ['copytruncate', other('copytruncate'), { mayLose: false }],
    ['copytruncate and truncation without a copy', other('copytruncate', 'truncate'), { mayLose: true }],
  ])(
    '%s doubles nothing, keeps the order, and every loss comes with a gap',
    (_, truncation, { mayLose }) => {
      let lost = 0;
      let recovered = 0;
      fc.assert(
        fc.property(stepsOf(other('write late', 'write late', 'look', 'rest', 'rotate numbered'), truncation), (steps) => {
          // Numbered lines in place of late writes: each is told from every other, and long enough to prove a copy.
          let count = 1;
          const lines = steps.map(
            (step): Step => (step.do === 'write late' ? { do: 'write', text: `line ${count++} ${'x'.repeat(30)}\n`, times: 1 } : step),
          );
          // A file that is emptied before anything of it was read leaves no trace.
          const begin: readonly Step[] = [{ do: 'write', text: `line 0 ${'x'.repeat(30)}\n`, times: 1 }, { do: 'look' }];
          const { bench } = play([...begin, ...lines]);
          const numbers = bench.lines.slice(0, -1).map((line) => Number(line.split(' ')[1]));
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          expect(bench.gaps.length).toBeGreaterThanOrEqual(knowableTruncations(lines));
          lost += count - numbers.length;
          recovered += bench.gaps.filter(({ recoveredFrom }) => recoveredFrom !== undefined).length;
        }),
        { numRuns: 200 },
      );
      expect(recovered).toBeGreaterThan(20);
      if (mayLose) expect(lost).toBeGreaterThan(50);
      else expect(lost).toBe(0);
    },
    90_000,
  );

  const lineTexts = fc
    .array(fc.oneof(fc.constant('\n'), fc.string({ unit: 'grapheme', maxLength: 12 })), { maxLength: 40 })
    .map((parts) => parts.join(''));
  it('any splitting of writes, also inside characters, gives the same bytes', () => {
    fc.assert(
      fc.property(lineTexts, fc.array(fc.nat(20)), (text, cuts) => {
        const path = join(createTempFolder(), 'homeserver.log');
        const writer = new LogWriter(path);
        const bench = new FollowBench(path, { keepsBytes: true, holdsLastLine: true }).start();
        const bytes = Buffer.from(`${text}\n`);
        let start = 0;
        for (const cut of cuts) {
          writer.write(bytes.subarray(start, start + cut));
          start = Math.min(bytes.length, start + cut);
          if (cut % 2 === 0) bench.look();
          if (cut % 5 === 0) bench.rest();
        }
        writer.write(bytes.subarray(start));
        bench.rest();
        bench.follower.stop();
        writer.close();
        expect(bench.consumer.bytes.equals(bytes)).toBe(true);
        expect(bench.lines).toEqual(`${text}`.split('\n'));
      }),
      { numRuns: 100 },
    );
  });
});
