/** The generation that is being read, and what is remembered of it while it is. */
import { MIN_PROOF_BYTES } from '../../src/tail/file-identity.ts';
import type { Sibling } from '../../src/tail/rotation.ts';
import type { GenerationPosition } from '../../src/tail/source-position.ts';
import { OpenGeneration } from './open-generation.ts';
import type { Generation } from './resume-search.ts';

/** The generation that is read. */
export interface Current<G extends Generation = Generation> {
  readonly generation: G;
  /** Opened at the followed path; `between` under a rotated name; `copy`: what copytruncate left of an emptied file. */
  readonly role: 'live' | 'between' | 'copy';
  /** Largest size seen, and when it was seen to grow. */
  seenBytes: number;
  grownAtMs: number;
  /** Time of the write up to which the marker is known to be intact. */
  checkedMs: number;
  /** Where the generation before was left: as long as a packed one may be that one's packed form, a later start has to go on there. */
  readonly before: GenerationPosition | undefined;
}

/** Enough of it is known to know its packed form by its beginning. */
export function isTelling(known: OpenGeneration | undefined): known is OpenGeneration {
  return known !== undefined && known.identity.prefix.lengthBytes >= MIN_PROOF_BYTES;
}

export function isPlain(current: Current): current is Current<OpenGeneration> {
  return current.generation instanceof OpenGeneration;
}

/** What follows a copy under a rotated name is the next copy of the same file. */
export function roleOf({ isLive, isPinned }: Sibling, before: Current['role']): Current['role'] {
  if (isLive || isPinned) return 'live';
  return before === 'copy' ? 'copy' : 'between';
}
