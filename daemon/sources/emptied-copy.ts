/**
 * What copytruncate left of a file that was emptied.
 *
 * In: the emptied file, still open, and its siblings. Out: the copy, open at the same position; or whether it may have been packed at once. A copy is known by the bytes
 * before the position: names and times prove nothing.
 */
import { isSameInode } from '../../src/tail/file-identity.ts';
import type { Sibling } from '../../src/tail/rotation.ts';
import type { SourceFileSystem } from './file-system.ts';
import { OpenGeneration } from './open-generation.ts';
import { SourceFailure } from './read-problem.ts';

/** The newest sibling that holds what was read of the emptied file, opened at the same position. */
export function findCopy(emptied: OpenGeneration, siblings: readonly Sibling[], fileSystem: SourceFileSystem): OpenGeneration | undefined {
  const candidates = siblings.filter(
    ({ look, isCompressed }) => !isCompressed && !isSameInode(look, emptied.look) && look.sizeBytes >= emptied.positionBytes,
  );
  for (const { path } of candidates.toReversed()) {
    const copy = openCopy(path, emptied, fileSystem);
    if (copy !== undefined) return copy;
  }
  return undefined;
}

/** Undefined also for a file that can't be read: it's as good as none. */
function openCopy(path: string, emptied: OpenGeneration, fileSystem: SourceFileSystem): OpenGeneration | undefined {
  let candidate: OpenGeneration | undefined;
  try {
    candidate = new OpenGeneration(path, fileSystem);
    if (candidate.takeOver(emptied)) return candidate;
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
  }
  candidate?.close();
  return undefined;
}

/** The copy may have been packed at once: a packed file was last written to after `wholeMs`, when the emptied one was last seen whole. */
export function mayBePacked(wholeMs: number, siblings: readonly Sibling[]): boolean {
  return siblings.some(({ isCompressed, look }) => isCompressed && look.modifiedMs >= wholeMs);
}
