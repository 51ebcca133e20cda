/**
 * Vector's model test (peers.md 4, case 37) for our follower: random sequences of writes, looks and rotations against a model that is nothing but the text
 * written. By renames and deletions no byte may be lost, doubled or out of order; with truncation a line may be lost only if it was not yet read.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FollowBench } from '../../testbench/follow-bench.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

type Step =
  | { readonly do: 'write'; readonly text: string; readonly times: number }
  | { readonly do: 'look' | 'rest' | 'rotate numbered' | 'rotate dated' | 'shift' | 'write late' | 'delete' | 'copytruncate' };

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

/** Runs the steps on real files; `onWrite` hears what was written, with the number of the generation it went to. */
function play(steps: readonly Step[], onWrite: (text: string, generation: number) => void): FollowBench {
  const path = join(createTempFolder(), 'homeserver.log');
  const writer = new LogWriter(path);
  const bench = new FollowBench(path, { keepsBytes: true }).start();
  let generation = 0;
  let days = 0;
  let isShifted = false;
  const rotate = (rotation: () => void): void => {
    // A writer that was not told of the last rotation reopens first: rotating a path that isn't there is no case.
    if (isShifted) writer.reopen();
    if (isShifted) generation++;
    isShifted = false;
    rotation();
  };
  let hasOld = false;
  for (const step of steps) {
    if (step.do === 'write') {
      const text = step.times === 1 ? step.text : longText(step.times * step.text.length);
      writer.write(text);
      onWrite(text, generation);
    } else if (step.do === 'look') bench.look();
    else if (step.do === 'rest') bench.rest();
    else if (step.do === 'shift') {
      rotate(() => writer.shiftNumbered(99));
      isShifted = true;
    } else if (step.do === 'write late' && hasOld && !isShifted) {
      // Late, but before the new file has anything: as a server that is told of the rotation does.
      if (fs.statSync(path).size === 0) {
        writer.writeLate('late\n');
        onWrite('late\n', generation - 1);
      }
    } else if (step.do === 'rotate numbered' || step.do === 'rotate dated') {
      rotate(() => {
        days++;
        const date = new Date(Date.UTC(2026, 0, days)).toISOString().slice(0, 10);
        if (step.do === 'rotate dated') writer.rotateDated(date);
        else writer.rotateNumbered(99);
        generation++;
      });
      hasOld = true;
    } else if (step.do === 'delete') {
      rotate(() => {
        // What is deleted unread between two looks is gone for every reader, unless it holds the file.
        bench.rest();
        writer.deleteAndCreate();
        generation++;
      });
      hasOld = false;
    } else if (step.do === 'copytruncate') {
      rotate(() => writer.copyTruncate('', 99));
    }
  }
  // What follows a generation that is still empty is read when there is something.
  writer.write('end\n');
  onWrite('end\n', generation);
  bench.rest();
  bench.follower.stop();
  writer.close();
  return bench;
}

/** Runs the steps and gives what was written, generation by generation and in the order of generations. */
function playRenames(steps: readonly Step[]): { readonly bench: FollowBench; readonly written: string } {
  const generations: string[] = [];
  const bench = play(steps, (text, generation) => {
    generations[generation] = (generations[generation] ?? '') + text;
  });
  return { bench, written: generations.join('') };
}

const textOf = (bench: FollowBench): string => bench.consumer.bytes.toString() + bench.consumer.heldText;

describe('property', () => {
  it.each([
    ['numbered', other('rotate numbered', 'shift', 'write late')],
    ['dated', other('rotate dated', 'write late')],
    ['by deletion', other('delete')],
    ['numbered and by deletion', other('rotate numbered', 'delete', 'shift')],
  ])('rotations %s neither lose nor double a byte, whenever the follower looks', (_, rotations) => {
    let rotated = 0;
    fc.assert(
      fc.property(stepsOf(write, write, write, longWrite, other('look'), other('look', 'rest'), rotations, rotations), (steps) => {
        const { bench, written } = playRenames(steps);
        rotated += bench.events.filter((event) => event.startsWith('rotated')).length;
        expect(textOf(bench) === written, `read ${textOf(bench).slice(0, 200)}, written ${written.slice(0, 200)}`).toBe(true);
        expect(bench.gaps).toEqual([]);
        expect(bench.fileSystem.openCount).toBe(0);
      }),
      { numRuns: 100 },
    );
    expect(rotated).toBeGreaterThan(50);
  });

  it('copytruncate doubles nothing, keeps the order, and every loss comes with a gap', () => {
    let lost = 0;
    let recovered = 0;
    fc.assert(
      fc.property(stepsOf(other('write late', 'look', 'rest', 'copytruncate', 'rotate numbered')), (steps) => {
        // Numbered lines in place of late writes: each is told from every other, and long enough to prove a copy.
        let count = 1;
        const lines = steps.map(
          (step): Step => (step.do === 'write late' ? { do: 'write', text: `line ${count++} ${'x'.repeat(30)}\n`, times: 1 } : step),
        );
        // A file that is emptied before anything of it was read leaves no trace.
        const begin: readonly Step[] = [{ do: 'write', text: `line 0 ${'x'.repeat(30)}\n`, times: 1 }, { do: 'look' }];
        const bench = play([...begin, ...lines], () => {});
        const numbers = bench.lines.slice(0, -1).map((line) => Number(line.split(' ')[1]));
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        if (numbers.length < count) expect(bench.gaps.length).toBeGreaterThan(0);
        lost += count - numbers.length;
        recovered += bench.gaps.filter(({ recoveredFrom }) => recoveredFrom !== undefined).length;
      }),
      { numRuns: 200 },
    );
    expect(recovered).toBeGreaterThan(50);
    expect(lost).toBeLessThan(200);
  });

  it('any splitting of writes, also inside characters, gives the same bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.array(fc.nat(20)), (text, cuts) => {
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
