/** What V8 takes for a program that makes much garbage, with the heap's bounds and without. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MODULE = join(import.meta.dirname, '../../daemon/heap-bounds.ts');

interface Heap {
  /** Both in bytes: the young generation at the end, and the most that the old one came to. */
  readonly young: number;
  readonly mostOld: number;
}

/** Of a process that keeps many objects until they're old and then drops them, with a turn of the loop now and then. */
function heapOf(start: string): Heap {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    const { boundOldGeneration, boundYoungGeneration } = await import(${JSON.stringify(MODULE)});
    ${start};
    const space = (name) => getHeapSpaceStatistics().find(({ space_name }) => space_name === name);
    const kept = [];
    let mostOld = 0;
    for (let i = 0; i < 3_000_000; i++) {
      kept[i % 100_000] = { i, list: [i], text: 'x' + i };
      if (i % 20_000 !== 0) continue;
      await new Promise((resolve) => setImmediate(resolve));
      mostOld = Math.max(mostOld, space('old_space').space_used_size);
    }
    console.log(JSON.stringify({ young: space('new_space').space_size, mostOld }));`;
  return JSON.parse(spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }).stdout) as Heap;
}

it('both generations stay small while much is read', () => {
  const unbound = heapOf('');
  const young = heapOf('boundYoungGeneration()');
  const both = heapOf('boundYoungGeneration(); boundOldGeneration()');
  expect(young.young).toBeGreaterThan(0);
  expect(young.young).toBeLessThanOrEqual(32 * 1024 * 1024);
  expect(unbound.young).toBeGreaterThan(young.young);
  expect(both.mostOld).toBeGreaterThan(0);
  expect(both.mostOld).toBeLessThan(0.8 * young.mostOld);
});
