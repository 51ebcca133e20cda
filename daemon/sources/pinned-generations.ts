/**
 * Generations that were seen at the followed path and aren't read yet, held open so that deleting them takes nothing away.
 *
 * In: the path, at each look at which something new stands there. Out: the generation, when its turn comes. In the order in which they were seen.
 */
import { type FileLook, isSameInode } from '../../src/tail/file-identity.ts';
import type { SourceFileSystem } from './file-system.ts';
import { OpenGeneration } from './open-generation.ts';
import { SourceFailure } from './read-problem.ts';

/** Held at most; those that come after them are found in the folder, unless they are deleted first. Bounds descriptors. */
const MAX_PINNED = 8;

export class PinnedGenerations {
  readonly #path: string;
  readonly #fileSystem: SourceFileSystem;
  #pinned: readonly OpenGeneration[] = [];

  constructor(path: string, fileSystem: SourceFileSystem) {
    this.#path = path;
    this.#fileSystem = fileSystem;
  }

  /** Holds what stands at the path, if it's neither held nor `open`. A file that can't be opened isn't: whoever needs it says why. */
  pin(atPath: FileLook, open: FileLook): void {
    const isHeld = this.#pinned.some(({ look }) => isSameInode(look, atPath));
    if (isHeld || this.#pinned.length >= MAX_PINNED) return;
    try {
      const generation = new OpenGeneration(this.#path, this.#fileSystem);
      // The path may lead elsewhere since it was looked at.
      const isKnown = [open, ...this.#pinned.map(({ look }) => look)].some((look) => isSameInode(look, generation.look));
      if (isKnown) generation.close();
      else this.#pinned = [...this.#pinned, generation];
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
    }
  }

  /** Looks at all that are held. Throws SourceFailure. */
  lookNow(): readonly FileLook[] {
    return this.#pinned.map((generation) => generation.lookNow());
  }

  /**
   * Gives the held generation with this inode to the caller, who closes it, and those that were held before it: nothing was in them. Undefined: it isn't held, the
   * others stay.
   */
  take(look: FileLook): { readonly generation: OpenGeneration; readonly passedOver: readonly OpenGeneration[] } | undefined {
    const at = this.#pinned.findIndex((generation) => isSameInode(generation.look, look));
    const generation = this.#pinned[at];
    if (generation === undefined) return undefined;
    const passedOver = this.#pinned.slice(0, at);
    this.#pinned = this.#pinned.slice(at + 1);
    return { generation, passedOver };
  }

  close(): void {
    for (const generation of this.#pinned) generation.close();
    this.#pinned = [];
  }
}
