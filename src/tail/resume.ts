/**
 * Where to go on after a start: what became of the generation that was being read.
 *
 * In: what is known of it, and what stands in the folder now. Out: which files may be it, best first; and, where none is, which file is the first that came after it.
 */
import { isSamePlace, MIN_PROOF_BYTES } from './file-identity.ts';
import type { Gap, Sibling } from './rotation.ts';
import type { GenerationPosition } from './source-position.ts';

/**
 * Files that may hold what was read, best first: the one in the same place; then, as rotation, a copy or a mounted file system change places, all others that
 * are long enough, plain ones before packed ones (which have to be unpacked to be looked into). Each has to be looked into: same place isn't same content.
 * A generation of which next to nothing was read proves nothing by its content: only its place counts.
 */
export function candidatesFor(known: GenerationPosition, siblings: readonly Sibling[]): readonly Sibling[] {
  const inPlace = siblings.filter(({ look }) => isSamePlace(look, known.identity));
  if (known.marker.lengthBytes < MIN_PROOF_BYTES) return inPlace;
  const others = siblings.filter(
    (sibling) => !inPlace.includes(sibling) && (sibling.isCompressed || sibling.look.sizeBytes >= known.readBytes),
  );
  return [...inPlace, ...others.filter(({ isCompressed }) => !isCompressed), ...others.filter(({ isCompressed }) => isCompressed)];
}

/** The file itself is there, but what was read isn't in it: it was emptied in place. */
export function wasEmptied(known: GenerationPosition, siblings: readonly Sibling[]): boolean {
  return !known.isPacked && siblings.some(({ look }) => isSamePlace(look, known.identity));
}

/**
 * The generation to go on with when the known one is gone: the first that was written to after it was last seen written to. Birth counts too where it's told: a copy
 * or an older generation that was touched is not later.
 */
export function firstAfter(known: GenerationPosition, siblings: readonly Sibling[]): Sibling | undefined {
  return siblings.find(({ look, isLive, isCompressed }) => {
    if (isLive) return true;
    const { birthtimeMs } = known.identity;
    const isLaterBorn = isCompressed || look.birthtimeMs === 0 || birthtimeMs === 0 || look.birthtimeMs > birthtimeMs;
    return isLaterBorn && look.sizeBytes > 0 && look.modifiedMs > known.modifiedMs;
  });
}

/** What is lost with it, as far as anybody can know. `heldBytes` of what comes next are in memory all the same. */
export function resumeGap(
  { doneBytes, sizeBytes }: GenerationPosition,
  isEmptied: boolean,
  recoveredFrom: string | undefined,
  heldBytes: number,
): Gap {
  const fromByte = doneBytes + heldBytes;
  const lostBytes = recoveredFrom === undefined ? Math.max(0, sizeBytes - fromByte) : 0;
  return { reason: isEmptied ? 'truncated' : 'deleted', fromByte, lostBytes, isExact: false, recoveredFrom };
}
