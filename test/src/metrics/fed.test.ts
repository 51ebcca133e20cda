import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import type { FamilySpec } from '../../../src/metrics/family-spec.ts';

/** They name families without writing to them: the lists themselves, and the status page that reads. */
const READERS = /^src\/metrics\/families\/|^daemon\/http\/status-view\.ts$/;

it('METRICS.md says "not yet fed" of exactly those families that no code writes to', () => {
  const cwd = new URL('../../..', import.meta.url).pathname;
  const files = globSync('{src,daemon}/**/*.ts', { cwd }).filter((file) => !READERS.test(file));
  const code = files.map((file) => readFileSync(`${cwd}/${file}`, 'utf8')).join('\n');
  const specs: readonly FamilySpec[] = CATALOGUE;
  // Names are typed as literals, so whoever writes to a family has its name in his code.
  const unfed = specs.filter(({ name }) => !code.includes(`'${name}'`)).map(({ name }) => name);
  const marked = specs.filter(({ isNotYetFed }) => isNotYetFed).map(({ name }) => name);
  expect(marked, 'set or remove isNotYetFed in src/metrics/families, then generate deploy/METRICS.md').toEqual(unfed);
});
