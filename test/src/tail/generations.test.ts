/** Which names are generations of which file, and in what order. */
import { describe, expect, it } from 'vitest';
import { compareGenerations, groupIntoSources, parseGenerationName } from '../../../src/tail/generations.ts';

describe('parseGenerationName', () => {
  it.each([
    ['homeserver.log', 'homeserver.log', '', 'live', false],
    ['homeserver.log.gz', 'homeserver.log', '', 'live', true],
    ['homeserver.log.1', 'homeserver.log', '.1', 'numbered', false],
    ['homeserver.log.0', 'homeserver.log', '.0', 'numbered', false],
    ['homeserver.log.1234.gz', 'homeserver.log', '.1234', 'numbered', true],
    ['homeserver.log.2026-03-10', 'homeserver.log', '.2026-03-10', 'dated', false],
    ['homeserver.log.2026-03-10_16', 'homeserver.log', '.2026-03-10_16', 'dated', false],
    ['homeserver.log.2026-03-10_16-48', 'homeserver.log', '.2026-03-10_16-48', 'dated', false],
    ['homeserver.log.2026-11-23_16-48-48.gz', 'homeserver.log', '.2026-11-23_16-48-48', 'dated', true],
    ['homeserver.log-20260310', 'homeserver.log', '-20260310', 'dated', false],
    ['homeserver.log-20260310.gz', 'homeserver.log', '-20260310', 'dated', true],
    ['homeserver.log.20260310', 'homeserver.log', '.20260310', 'dated', false],
    ['homeserver.log-2026031016', 'homeserver.log', '-2026031016', 'dated', false],
    ['homeserver.log-20260310-1773158400', 'homeserver.log', '-20260310-1773158400', 'dated', false],
    // Not suffixes: no such month, no such day, too many digits, a part of the name.
    ['homeserver.log.2026-13-10', 'homeserver.log.2026-13-10', '', 'live', false],
    ['homeserver.log.2026-03-32', 'homeserver.log.2026-03-32', '', 'live', false],
    ['homeserver.log.12345', 'homeserver.log.12345', '', 'live', false],
    ['worker1.log', 'worker1.log', '', 'live', false],
    ['generic-worker-1', 'generic-worker-1', '', 'live', false],
    ['homeserver.log.bak', 'homeserver.log.bak', '', 'live', false],
    // Nothing would be left of the name.
    ['.1', '.1', '', 'live', false],
    ['.gz', '.gz', '', 'live', false],
    ['.1.gz', '.1', '', 'live', true],
    ['', '', '', 'live', false],
    ['-', '-', '', 'live', false],
  ])('takes %j apart', (name, liveName, suffix, kind, isCompressed) => {
    expect(parseGenerationName(name)).toMatchObject({ liveName, suffix, kind, isCompressed });
  });
});

describe('compareGenerations', () => {
  it('puts dated before numbered before live, dates ascending, numbers descending', () => {
    const oldestFirst = [
      'a.log.2026-03-09',
      'a.log-20260310',
      'a.log-2026031001',
      'a.log.2026-03-10_02-00-00',
      'a.log.2026-03-11.gz',
      'a.log.10',
      'a.log.9.gz',
      'a.log.1',
      'a.log.0',
      'a.log',
    ];
    const sorted = [...oldestFirst].sort().sort((a, b) => compareGenerations(parseGenerationName(a), parseGenerationName(b)));
    expect(sorted).toEqual(oldestFirst);
  });
});

describe('groupIntoSources', () => {
  const sourcesOf = (...paths: string[]) => groupIntoSources(paths).sources;

  it('gives no source for no path', () => {
    expect(groupIntoSources([])).toEqual({ sources: [], warnings: [] });
  });

  it('names a lone rotated file by its live name', () => {
    expect(sourcesOf('/tmp/x/homeserver.log.2026-11-23_16-48-48.gz')).toEqual([
      { path: 'homeserver.log', generations: ['/tmp/x/homeserver.log.2026-11-23_16-48-48.gz'] },
    ]);
  });

  it('reads generations oldest first, whatever order they are given in', () => {
    expect(sourcesOf('h.log', 'h.log.1', 'h.log.10.gz', 'h.log.2')[0]?.generations).toEqual(['h.log.10.gz', 'h.log.2', 'h.log.1', 'h.log']);
  });

  it('keeps workers apart, in the order of their first file', () => {
    expect(sourcesOf('/l/w2.log.1', '/l/w1.log', '/l/w2.log', '/l/w1.log.1')).toEqual([
      { path: 'w2.log', generations: ['/l/w2.log.1', '/l/w2.log'] },
      { path: 'w1.log', generations: ['/l/w1.log.1', '/l/w1.log'] },
    ]);
  });

  it('tells the same name in two folders apart by as much of the folder as it takes', () => {
    const paths = sourcesOf('/a/log/h.log', '/b/log/h.log', '/b/log/h.log.1', '/c/h.log', '/c/w.log').map(({ path }) => path);
    expect(paths).toEqual(['a/log/h.log', 'b/log/h.log', 'c/h.log', 'w.log']);
  });

  it('tells a folder from a longer path that ends like it', () => {
    expect(sourcesOf('h.log', 'x/h.log').map(({ path }) => path)).toEqual(['h.log', 'x/h.log']);
  });

  it('leaves the compressed twin of a generation out, with a warning, whichever comes first', () => {
    for (const paths of [
      ['h.log.1.gz', 'h.log.1', 'h.log'],
      ['h.log.1', 'h.log.1.gz', 'h.log'],
    ]) {
      expect(groupIntoSources(paths)).toEqual({
        sources: [{ path: 'h.log', generations: ['h.log.1', 'h.log'] }],
        warnings: ['Left out "h.log.1.gz": "h.log.1" is the same generation'],
      });
    }
  });

  it('takes a path given twice once', () => {
    expect(groupIntoSources(['h.log', 'h.log'])).toEqual({ sources: [{ path: 'h.log', generations: ['h.log'] }], warnings: [] });
  });

  it('takes standard input for a source of its own', () => {
    expect(sourcesOf('-', 'h.log').map(({ path }) => path)).toEqual(['-', 'h.log']);
  });
});
