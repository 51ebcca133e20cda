// Links of the documents below deploy/ lead to files that exist.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { DEPLOY } from './known-metrics.ts';

it.each(['RUNBOOK.md', 'prometheus/README.md', 'grafana/README.md'])('%s', (document) => {
  const text = readFileSync(join(DEPLOY, document), 'utf8');
  // [METRICS.md](../METRICS.md)
  const links = [...text.matchAll(/\]\(([^):#]+)\)/g)].map(([, link = '']) => link);
  expect(links).not.toEqual([]);
  expect(links.filter((link) => !existsSync(join(DEPLOY, dirname(document), link)))).toEqual([]);
});
