/** The list is complete. Whether each fault is noticed takes minutes: `npm run test:planted`. */
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { FAULTS } from './faults.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

it('there is a fault for every file of property tests', () => {
  const files = fs.readdirSync(`${ROOT}test`, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.prop.test.ts'));
  expect(files.length).toBeGreaterThan(10);
  const guarded = new Set(FAULTS.map(({ test }) => test));
  expect(files.map((name) => `test/${name}`).filter((name) => !guarded.has(name))).toEqual([]);
});

it.each(FAULTS)('the fault "$fault" is one of its own, in files that are there', ({ fault, file, test, find, put }) => {
  expect(FAULTS.filter((other) => other.fault === fault)).toHaveLength(1);
  expect([fs.existsSync(ROOT + file), fs.existsSync(ROOT + test)]).toEqual([true, true]);
  expect(put).not.toBe(find);
});
