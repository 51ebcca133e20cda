/**
 * Packed generations that were read, for as long as their plain forms may be held.
 *
 * A file that is seen at the path is held until its turn comes (pinned-generations.ts); it may be packed before. Which of the two comes first in the order of generations
 * is a matter of times, and packers keep those only to the second, or not at all: so what is held is compared by content before it's read.
 */
import { MIN_PROOF_BYTES } from '../../src/tail/file-identity.ts';
import type { GenerationPosition } from '../../src/tail/source-position.ts';
import type { OpenGeneration } from './open-generation.ts';

/** Kept at most, the oldest goes first. Chosen: four times as many as are held, a few hundred bytes each. */
const MAX_UNPACKED = 32;

export class UnpackedGenerations {
  #ends: readonly GenerationPosition[] = [];

  /** `end`: its position when all of it was read. Less than a stamp proves nothing, so it isn't kept. */
  add(end: GenerationPosition): void {
    if (end.marker.lengthBytes >= MIN_PROOF_BYTES) this.#ends = [...this.#ends, end].slice(-MAX_UNPACKED);
  }

  /** Whether this file was read in its packed form; then its position is where that ended. */
  hold(generation: OpenGeneration): boolean {
    return this.#ends.some((end) => generation.resumeAt(end));
  }
}
