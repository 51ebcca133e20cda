import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MODULE = join(import.meta.dirname, '../../daemon/young-generation.ts');

/** Size of the young generation, in bytes, of a process that keeps many objects for a while, with a turn of the loop now and then. */
function youngBytesOf(start: string): number {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    const { boundYoungGeneration } = await import(${JSON.stringify(MODULE)});
    ${start};
    const kept = [];
    for (let i = 0; i < 3_000_000; i++) {
      kept[i % 200_000] = { i, list: [i], text: 'x' + i };
      if (i % 50_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size);`;
  return Number(spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }).stdout);
}

it('the young generation stays small while much is read', () => {
  const [bound, unbound] = [youngBytesOf('boundYoungGeneration()'), youngBytesOf('')];
  expect(bound).toBeGreaterThan(0);
  expect(bound).toBeLessThanOrEqual(32 * 1024 * 1024);
  expect(unbound).toBeGreaterThan(bound);
});
