/**
 * Finds the generation that was being read: after a start, and where an emptied file's copy was packed at once.
 *
 * In: what is known of it. Out: it, open and at the right byte; or which file to go on with, and that something is lost. Plain files are looked into at once, packed
 * ones in other turns of the event loop. Throws SourceFailure when a file that may be it can't be read: whether something is lost isn't known then.
 */
import { isSamePlace } from '../../src/tail/file-identity.ts';
import { candidatesFor, firstAfter, wasEmptied } from '../../src/tail/resume.ts';
import type { Sibling } from '../../src/tail/rotation.ts';
import type { GenerationPosition } from '../../src/tail/source-position.ts';
import type { SourceFileSystem } from './file-system.ts';
import { findSiblings } from './generation-finder.ts';
import { OpenGeneration } from './open-generation.ts';
import { PackedGeneration } from './packed-generation.ts';
import { codeOf, SourceFailure } from './read-problem.ts';

export type Generation = OpenGeneration | PackedGeneration;

/**
 * - `found`: the generation itself, or (`isCopy`) what was saved of it before it was emptied; a packed one isn't begun yet
 * - `lost`: it isn't there any more; `next` came after it, undefined: the folder changed meanwhile
 * - `unsettled`: the folder looked different each time
 */
export type Found =
  | { readonly kind: 'found'; readonly generation: Generation; readonly isLive: boolean; readonly isCopy: boolean }
  | { readonly kind: 'lost'; readonly isEmptied: boolean; readonly next: Sibling | undefined }
  | { readonly kind: 'unsettled' };

export async function findGeneration(known: GenerationPosition, livePath: string, fileSystem: SourceFileSystem): Promise<Found> {
  const siblings = findSiblings(known.path, livePath, fileSystem);
  if (siblings === undefined) return { kind: 'unsettled' };
  const isEmptied = wasEmptied(known, siblings);
  for (const sibling of candidatesFor(known, siblings)) {
    const generation = openSibling(sibling, fileSystem);
    // A rotation runs: what is sought may be under another name by now.
    if (generation === undefined) return { kind: 'unsettled' };
    if (!(await closeUnlessSame(generation, known))) continue;
    const isItself = isSamePlace(sibling.look, known.identity);
    return { kind: 'found', generation, isLive: sibling.isLive, isCopy: isEmptied && !isItself };
  }
  return { kind: 'lost', isEmptied, next: firstAfter(known, siblings) };
}

async function closeUnlessSame(generation: Generation, known: GenerationPosition): Promise<boolean> {
  let isSame = false;
  try {
    isSame = generation instanceof OpenGeneration ? generation.resumeAt(known) : await generation.holds(known);
  } finally {
    if (!isSame) generation.close();
  }
  return isSame;
}

/** Opens a file that was listed; undefined: another file has that name now, or none. Throws SourceFailure where it can't be opened. */
export function openSibling({ path, look, isCompressed }: Sibling, fileSystem: SourceFileSystem): Generation | undefined {
  try {
    const generation = isCompressed ? new PackedGeneration(path, fileSystem) : new OpenGeneration(path, fileSystem);
    if (isSamePlace(generation.look, look)) return generation;
    generation.close();
  } catch (error) {
    if (!(error instanceof SourceFailure) || codeOf(error.cause) !== 'ENOENT') throw error;
  }
  return undefined;
}
