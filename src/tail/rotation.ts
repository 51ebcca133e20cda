/**
 * What a look at a followed file means: read on, wait, begin anew, or go over to the next generation.
 *
 * In: one Observation (the path, the open handle, the generations after it). Out: one Decision. Pure, so every rotation is a row of a table
 * in the tests. It keeps this: a handle with unread bytes is never left, and one that may still be written to is left only when the next
 * generation has bytes.
 */
import { type FileLook, isSameInode } from './file-identity.ts';
import type { GenerationName } from './generations.ts';

/** The file that is open. `positionBytes` is how far it's read. */
export interface HandleLook {
  readonly look: FileLook;
  readonly positionBytes: number;
  /** The bytes before the position are those that were read there (MARKER_BYTES). False: the file was emptied and written anew. */
  readonly isMarkerIntact: boolean;
  /** Since it was last seen to grow, in milliseconds. */
  readonly quietMs: number;
}

/** What stands at the followed path. `blocked`: it can't be told or can't be read, `text` says why. */
export type PathLook =
  | { readonly kind: 'file'; readonly look: FileLook }
  | { readonly kind: 'missing' }
  | { readonly kind: 'blocked'; readonly text: string };

/** A file that may be a generation of the one that is followed. */
export interface Sibling {
  readonly path: string;
  readonly look: FileLook;
  /** How its name tells its age. */
  readonly kind: GenerationName['kind'];
  /** Stands at the followed path. */
  readonly isLive: boolean;
  /** A `.gz`. */
  readonly isCompressed: boolean;
  /** Was seen at the followed path after the open file, and is held since: later, whatever its name. */
  readonly isPinned: boolean;
}

export interface Observation {
  readonly path: PathLook;
  /** Undefined: nothing is open. */
  readonly handle: HandleLook | undefined;
  /** The next generation that has bytes (chooseSuccessor); undefined: none, or there was no reason to look. */
  readonly successor: Sibling | undefined;
  /** The folder looked different each time: there may be a successor that wasn't seen. */
  readonly isUnsettled: boolean;
}

/**
 * - `open`: nothing is open, and there is a file
 * - `read`: the open file has bytes that aren't read
 * - `wait`: all is read
 * - `linger`: all is read and the next generation has bytes, but the old one was written to a moment ago, or it can't be told which is next: look again soon
 * - `drain_then_switch`: the open file has ended; read what it may still have got, finish it, go over to the successor
 * - `truncated`: the open file was emptied; begin it anew
 * - `missing`, `blocked`: nothing to be done but to look again; what is open stays open
 */
export type Decision = 'open' | 'read' | 'wait' | 'linger' | 'drain_then_switch' | 'truncated' | 'missing' | 'blocked';

/**
 * A rotated file is given up only after this long without growth, in milliseconds: a writer may still have lines for it. Synapse's handler renames
 * under a lock, so nothing comes late there; with logrotate a writer keeps the old file until it's told. Chosen: one look of the polling timer.
 */
export const LATE_WRITE_MS = 250;

/** What to do next. Never throws; every combination has an answer. */
export function decideNext({ path, handle, successor, isUnsettled }: Observation): Decision {
  if (handle === undefined) return path.kind === 'file' ? 'open' : path.kind;
  if (handle.look.sizeBytes < handle.positionBytes || !handle.isMarkerIntact) return 'truncated';
  if (handle.look.sizeBytes > handle.positionBytes) return 'read';
  if (path.kind === 'blocked') return 'blocked';
  if (path.kind === 'file' && isSameInode(path.look, handle.look)) return 'wait';
  // A new file may be there, but empty: with logrotate's `create` and no reload Synapse writes to the old one for ever (systemd.md 5).
  if (successor === undefined) return isUnsettled ? 'linger' : path.kind === 'missing' ? 'missing' : 'wait';
  return successor.isLive && handle.quietMs < LATE_WRITE_MS ? 'linger' : 'drain_then_switch';
}

/**
 * The generation that follows the open one and has bytes. `siblings`: oldest first (compareGenerations), the live file last, each file once.
 *
 * The open file's own place in that order says what came after it: the rotation renamed it, so its inode is among them, and can't be another
 * file's while it's held. Names of one kind are trusted; where two naming schemes lie in one folder, or the open file has been deleted, a later birth
 * is asked for. A `.gz` is born when it's packed, but keeps the time of the last write: it may be the open file's own packed form, which whoever reads it has
 * to notice by its beginning. Empty generations are passed over: Synapse may never have written to them.
 */
export function chooseSuccessor(open: FileLook, siblings: readonly Sibling[]): Sibling | undefined {
  const at = siblings.findIndex((sibling) => isSameInode(sibling.look, open));
  const kind = siblings[at]?.kind;
  return siblings.slice(at + 1).find((sibling) => {
    if (sibling.look.sizeBytes === 0) return false;
    if (sibling.isLive || sibling.isPinned || sibling.kind === kind) return true;
    return sibling.isCompressed ? sibling.look.modifiedMs >= open.modifiedMs : isLaterBorn(sibling.look, open);
  });
}

/**
 * Puts the files that are held open since they were seen at the path into the order. Those that still have a name have their place; a deleted one (or one whose
 * packed form has its name) comes behind those that are older than it, by birth, packed ones by their last write.
 */
export function withPinned(siblings: readonly Sibling[], open: FileLook, pinned: readonly FileLook[]): readonly Sibling[] {
  const isPinned = ({ look }: Sibling): boolean => pinned.some((other) => isSameInode(other, look));
  const ordered = siblings.map((sibling) => ({ ...sibling, isPinned: isPinned(sibling) }));
  for (const look of pinned) {
    if (ordered.some((sibling) => isSameInode(sibling.look, look))) continue;
    const openAt = ordered.findIndex((sibling) => isSameInode(sibling.look, open));
    const lastOlder = ordered.findLastIndex((sibling) => !sibling.isLive && isOlder(sibling, look));
    const deleted: Sibling = { path: '', look, kind: 'live', isLive: false, isCompressed: false, isPinned: true };
    ordered.splice(Math.max(openAt, lastOlder) + 1, 0, deleted);
  }
  return ordered;
}

function isOlder({ look, isCompressed }: Sibling, pinned: FileLook): boolean {
  return isCompressed ? look.modifiedMs < pinned.modifiedMs : isLaterBorn(pinned, look);
}

/** By the last write where birth isn't told, or is the same: files made within one tick of the kernel's clock (4 ms) share it. */
function isLaterBorn(look: FileLook, open: FileLook): boolean {
  const isTold = look.birthtimeMs !== 0 && open.birthtimeMs !== 0 && look.birthtimeMs !== open.birthtimeMs;
  return isTold ? look.birthtimeMs > open.birthtimeMs : look.modifiedMs > open.modifiedMs;
}

/** How a generation ended: given another name, deleted, or emptied in place; `relinked`: the path is a symbolic link that points elsewhere now. */
export type RotationKind = 'rename' | 'delete' | 'truncate' | 'relink';

/** Kind of the rotation by which `ended` (looked at through its open handle) stopped being the file at the path. */
export function rotationKindOf(ended: FileLook, isPathRelinked: boolean): RotationKind {
  if (isPathRelinked) return 'relink';
  return ended.linkCount === 0 ? 'delete' : 'rename';
}

/** Bytes that can't be read any more. */
export interface Gap {
  /**
   * - `truncated`: emptied before all was read
   * - `late_write`: written to a rotated file after it was given up
   * - `unreadable`: rotated while every read of it failed
   * - `damaged`: a `.gz` that can't be unpacked to its end
   * - `deleted`: gone while nobody watched
   */
  readonly reason: 'truncated' | 'late_write' | 'unreadable' | 'damaged' | 'deleted';
  /** Position in the generation at which the gap begins. */
  readonly fromByte: number;
  /** How many are known to be lost; with `isExact` false there may be more. */
  readonly lostBytes: number;
  readonly isExact: boolean;
  /** The copy from which what could be had was read on (`homeserver.log.1`); undefined: there was none. */
  readonly recoveredFrom: string | undefined;
}

/**
 * What an emptied file takes with it. `seenBytes`: the largest size it was seen to have. What was written after that look is known to nobody, so
 * the number is a lower bound. With a copy, what was written between copy and emptying is lost, which nobody knows either.
 */
export function truncationGap(positionBytes: number, seenBytes: number, copy: { path: string; sizeBytes: number } | undefined): Gap {
  const readableBytes = Math.max(positionBytes, copy?.sizeBytes ?? 0);
  return {
    reason: 'truncated',
    fromByte: readableBytes,
    lostBytes: Math.max(0, seenBytes - readableBytes),
    isExact: false,
    recoveredFrom: copy?.path,
  };
}
