/**
 * Reads a log file generation after generation: looks, asks src/tail what it means, does it.
 *
 * In: the followed path. Out: bytes through the consumer, rotations and gaps through the events. One call of `advance` does one thing. It keeps these:
 * - one generation is open, and isn't left while bytes of it can be read;
 * - a generation is finished before the next one is read, and a copy is read on where the original ended;
 * - what can't be had any more is announced as a gap.
 */
import type { ChunkConsumer } from '../../src/lines/chunk-consumer.ts';
import { type FileLook, isSameInode, isSamePlace } from '../../src/tail/file-identity.ts';
import {
  chooseSuccessor,
  compressedBetween,
  type Decision,
  decideNext,
  type Gap,
  type HandleLook,
  type Observation,
  type PathLook,
  type RotationKind,
  rotationKindOf,
  type Sibling,
  truncationGap,
} from '../../src/tail/rotation.ts';
import type { Clock } from '../clock.ts';
import { ChunkFeeder } from './chunk-feeder.ts';
import type { SourceFileSystem } from './file-system.ts';
import { findSiblings, withPinned } from './generation-finder.ts';
import { OpenGeneration } from './open-generation.ts';
import { PathLooker } from './path-looker.ts';
import { PinnedGenerations } from './pinned-generations.ts';
import { describeReadFailure, SourceFailure } from './read-problem.ts';
import { RetiredGenerations } from './retired-generations.ts';

/** What happened to the file. Called between calls of the consumer. */
export interface GenerationEvents {
  /** Reading goes on in the next generation (for `truncate`: in what was written since). */
  rotated(kind: RotationKind): void;
  gap(gap: Gap): void;
}

/** What one `advance` did. */
export interface Advance {
  readonly decision: Decision;
  readonly readBytes: number;
  /** Why the path can't be read, `Cannot read "…": …`; told even while an open file still can. */
  readonly problem: string | undefined;
}

/** One read, in bytes: small enough that a slow consumer can be stopped after it, large enough to cost nothing (performance.md 2.1). */
const READ_BYTES = 256 * 1024;

/** The generation that is read. */
interface Current {
  readonly generation: OpenGeneration;
  /** Opened at the followed path; `between` under a rotated name; `copy`: what copytruncate left of an emptied file. */
  readonly role: 'live' | 'between' | 'copy';
  /** Largest size seen, and when it was seen to grow. */
  seenBytes: number;
  grownAtMs: number;
  /** Time of the write up to which the marker is known to be intact. */
  checkedMs: number;
}

export class GenerationReader {
  readonly #path: string;
  readonly #feeder: ChunkFeeder;
  readonly #events: GenerationEvents;
  readonly #clock: Clock;
  readonly #fileSystem: SourceFileSystem;
  readonly #looker: PathLooker;
  #startsAtEnd: boolean;
  #current: Current | undefined;
  readonly #retired: RetiredGenerations;
  readonly #pinned: PinnedGenerations;
  #generationCount = 0;
  #laterBytes = 0;
  /** Generations before the successor that came to be compressed unread. */
  #compressed: readonly Sibling[] = [];
  /** What stood at the path and was pinned when no later generation had bytes: while that is so, the folder needn't be searched again. */
  #searchedFor = '';

  constructor(
    path: string,
    consumer: ChunkConsumer,
    events: GenerationEvents,
    startsAtEnd: boolean,
    clock: Clock,
    fileSystem: SourceFileSystem,
  ) {
    this.#path = path;
    this.#feeder = new ChunkFeeder(consumer);
    this.#events = events;
    this.#startsAtEnd = startsAtEnd;
    this.#clock = clock;
    this.#fileSystem = fileSystem;
    this.#looker = new PathLooker(path, fileSystem);
    this.#retired = new RetiredGenerations((gap) => events.gap(gap));
    this.#pinned = new PinnedGenerations(path, fileSystem);
  }

  get generation(): OpenGeneration | undefined {
    return this.#current?.generation;
  }

  get generationCount(): number {
    return this.#generationCount;
  }

  get heldBytes(): number {
    return this.#feeder.heldBytes;
  }

  /** Seen in generations after the open one. */
  get laterBytes(): number {
    return this.#laterBytes;
  }

  /** One look and what follows from it. Throws only what the consumer or the events throw. */
  advance(): Advance {
    this.#retired.dropUntil(this.#clock.monotonicMs());
    const path = this.#looker.look();
    const problem = path.kind === 'blocked' ? path.text : undefined;
    try {
      const observation = this.#observe(path);
      const decision = decideNext(observation);
      return { decision, readBytes: this.#act(decision, observation.successor), problem };
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      return { decision: 'blocked', readBytes: 0, problem: describeReadFailure(this.#path, error.cause) };
    }
  }

  /** Nothing new has come for RECORD_IDLE_MS. */
  settle(): void {
    this.#feeder.settle();
  }

  close(): void {
    this.#retired.dropUntil(Number.POSITIVE_INFINITY);
    this.#pinned.close();
    this.#current?.generation.close();
    this.#current = undefined;
  }

  #observe(path: PathLook): Observation {
    this.#repair(path);
    const current = this.#current;
    if (current === undefined) return { path, handle: undefined, successor: undefined };
    return { path, handle: this.#lookAtHandle(current), successor: this.#findSuccessor(path, current.generation) };
  }

  #lookAtHandle(current: Current): HandleLook {
    const nowMs = this.#clock.monotonicMs();
    const look = current.generation.lookNow();
    if (look.sizeBytes > current.seenBytes) [current.seenBytes, current.grownAtMs] = [look.sizeBytes, nowMs];
    const { positionBytes } = current.generation;
    // A file that was emptied may have come back to the same size; the time of its last write is too coarse to be asked alone.
    const isUnchanged = look.sizeBytes === positionBytes && look.modifiedMs === current.checkedMs;
    const isMarkerIntact = isUnchanged || current.generation.isMarkerIntact();
    if (isMarkerIntact) current.checkedMs = look.modifiedMs;
    return { look, positionBytes, isMarkerIntact, quietMs: nowMs - current.grownAtMs };
  }

  /** Searches the folder only when it can matter: the path leads to another file now, or to none, and the open one is read. */
  #findSuccessor(path: PathLook, open: OpenGeneration): Sibling | undefined {
    this.#laterBytes = 0;
    if (path.kind === 'blocked' || (path.kind === 'file' && isSameInode(path.look, open.look))) return undefined;
    if (path.kind === 'file') this.#pinned.pin(path.look, open.look);
    if (open.look.sizeBytes > open.positionBytes) return undefined;
    const pinned = this.#pinned.lookNow();
    const world = path.kind === 'file' ? [path.look, ...pinned].map(fingerprintOf).join() : '';
    if (world !== '' && world === this.#searchedFor) return undefined;
    const siblings = findSiblings(open.path, this.#path, this.#fileSystem);
    if (siblings === undefined) return undefined;
    const ordered = withPinned(siblings, open.look, pinned);
    const successor = chooseSuccessor(open.look, ordered);
    this.#searchedFor = successor === undefined ? world : '';
    this.#compressed = successor === undefined ? [] : compressedBetween(open.look, successor, ordered);
    const later = successor === undefined ? [] : ordered.slice(ordered.indexOf(successor));
    this.#laterBytes = later.reduce((sum, { look }) => sum + look.sizeBytes, 0);
    return successor;
  }

  /** Returns how many bytes were read. */
  #act(decision: Decision, successor: Sibling | undefined): number {
    const current = this.#current;
    if (decision === 'open') this.#begin(this.#openLive(), 'live');
    // A missing file has no end to start at: all that comes is new.
    if (decision === 'open' || decision === 'missing') this.#startsAtEnd = false;
    if (current === undefined) return 0;
    if (decision === 'read') return this.#feeder.fill(current.generation.readNext, READ_BYTES);
    if (decision === 'truncated') this.#beginAnew(current);
    if (decision === 'drain_then_switch' && successor !== undefined) return this.#switchTo(successor, current);
    return 0;
  }

  #openLive(): OpenGeneration {
    const generation = new OpenGeneration(this.#path, this.#fileSystem);
    if (this.#startsAtEnd) generation.skipToLastLine();
    return generation;
  }

  #begin(generation: OpenGeneration, role: Current['role']): void {
    this.#current = { generation, role, seenBytes: generation.look.sizeBytes, grownAtMs: this.#clock.monotonicMs(), checkedMs: -1 };
    this.#generationCount++;
    this.#laterBytes = 0;
    this.#searchedFor = '';
  }

  #switchTo(successor: Sibling, current: Current): number {
    // The old file may have got another line since it was looked at.
    const lateBytes = this.#feeder.fill(current.generation.readNext, READ_BYTES);
    const next = lateBytes === 0 ? this.#openSuccessor(successor) : undefined;
    if (next === undefined) return lateBytes;
    const kind = this.#kindOfEnd(current);
    // Replaced by a copy of itself, as an editor or a restored backup does. A file that still has a name was rotated.
    const isReplaced = successor.isLive && current.generation.look.linkCount === 0 && next.takeOver(current.generation);
    if (!isReplaced) this.#feeder.finish();
    this.#retired.add(current.generation, this.#clock.monotonicMs());
    for (const { look } of this.#compressed) this.#events.gap(unreadGap('compressed', 0, look.sizeBytes));
    const role = roleOf(successor, current.role);
    // From copy to copy: the file was emptied once more.
    if (role === 'copy') this.#events.gap(truncationGap(current.generation.positionBytes, 0, { path: next.path, sizeBytes: 0 }));
    this.#begin(next, role);
    this.#events.rotated(kind);
    return 0;
  }

  /** Undefined: the rotation went on meanwhile, and another file has that name now. */
  #openSuccessor(successor: Sibling): OpenGeneration | undefined {
    const held = this.#pinned.take(successor.look);
    for (const generation of held?.passedOver ?? []) this.#retired.add(generation, this.#clock.monotonicMs());
    if (held !== undefined) return held.generation;
    const generation = new OpenGeneration(successor.path, this.#fileSystem);
    if (isSamePlace(generation.look, successor.look)) return generation;
    generation.close();
    return undefined;
  }

  #kindOfEnd({ generation, role }: Current): RotationKind {
    if (role === 'copy') return 'truncate';
    return rotationKindOf(generation.look, role === 'live' && this.#standsAt(generation.path, generation));
  }

  #standsAt(path: string, generation: OpenGeneration): boolean {
    try {
      return isSameInode(this.#fileSystem.look(path), generation.look);
    } catch {
      return false;
    }
  }

  /** The open file was emptied: reads on in its copy, if there is one; else in the file itself, from byte 0. */
  #beginAnew(current: Current): void {
    const copy = this.#findCopy(current.generation);
    const { positionBytes } = current.generation;
    this.#events.gap(truncationGap(positionBytes, current.seenBytes, copy && { path: copy.path, sizeBytes: copy.look.sizeBytes }));
    if (copy !== undefined) {
      current.generation.close();
      this.#begin(copy, 'copy');
      return;
    }
    this.#feeder.finish();
    current.generation.restart();
    this.#begin(current.generation, current.role);
    this.#events.rotated('truncate');
  }

  /** The newest sibling that holds what was read of the emptied file, opened at the same position. */
  #findCopy(emptied: OpenGeneration): OpenGeneration | undefined {
    const siblings = findSiblings(emptied.path, this.#path, this.#fileSystem) ?? [];
    const candidates = siblings.filter(({ look }) => !isSameInode(look, emptied.look) && look.sizeBytes >= emptied.positionBytes);
    for (const { path } of candidates.toReversed()) {
      const copy = this.#openCopy(path, emptied);
      if (copy !== undefined) return copy;
    }
    return undefined;
  }

  /** Undefined also for a file that can't be read: it's as good as none. */
  #openCopy(path: string, emptied: OpenGeneration): OpenGeneration | undefined {
    let candidate: OpenGeneration | undefined;
    try {
      candidate = new OpenGeneration(path, this.#fileSystem);
      if (candidate.takeOver(emptied)) return candidate;
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
    }
    candidate?.close();
    return undefined;
  }

  /** A descriptor that fails is opened anew; if another file stands at the path by now, what it had left is lost. */
  #repair(path: PathLook): void {
    const current = this.#current;
    if (current === undefined || !current.generation.isBroken || path.kind !== 'file' || current.generation.reopen(this.#path)) return;
    const { positionBytes } = current.generation;
    this.#events.gap(unreadGap('unreadable', positionBytes, Math.max(0, current.seenBytes - positionBytes)));
    this.#feeder.finish();
    current.generation.close();
    this.#current = undefined;
  }
}

/** What follows a copy under a rotated name is the next copy of the same file. */
function roleOf({ isLive, isPinned }: Sibling, before: Current['role']): Current['role'] {
  if (isLive || isPinned) return 'live';
  return before === 'copy' ? 'copy' : 'between';
}

function unreadGap(reason: Gap['reason'], fromByte: number, lostBytes: number): Gap {
  return { reason, fromByte, lostBytes, isExact: false, recoveredFrom: undefined };
}

function fingerprintOf({ dev, ino, birthtimeMs, modifiedMs, sizeBytes }: FileLook): string {
  return `${dev}:${ino}:${birthtimeMs}:${modifiedMs}:${sizeBytes}`;
}
