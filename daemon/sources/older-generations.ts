/**
 * The rotated generations of a log that is about to be followed (`backfill: true`, at the very first start). In: the live file's path. Out:
 * the paths of its older generations, oldest first, `.gz` too; none where the folder can't be listed (the follower says why).
 */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { groupIntoSources, parseGenerationName } from '../../src/tail/generations.ts';

export function findOlderGenerations(livePath: string): readonly string[] {
  const folder = dirname(livePath);
  const liveName = basename(livePath);
  const isOlder = (name: string): boolean => name !== liveName && parseGenerationName(name).liveName === liveName;
  try {
    const paths = readdirSync(folder)
      .filter(isOlder)
      .map((name) => join(folder, name));
    return groupIntoSources(paths).sources.flatMap(({ generations }) => generations);
  } catch {
    return [];
  }
}
