/**
 * Reads a log file generation after generation: looks, asks src/tail what it means, does it.
 *
 * In: the followed path, and where to begin. Out: bytes through the consumer, rotations and gaps through the events. One call of `advance` does one thing; what is
 * packed, or has to be searched in packed files, goes on between calls, and `onProgress` says when to call again. It keeps these:
 * - one generation is open, and isn't left while bytes of it can be read;
 * - a generation is finished before the next one is read, and a copy is read on where the original ended;
 * - what can't be had any more is announced as a gap.
 */
import type { ChunkConsumer } from '../../src/lines/chunk-consumer.ts';
import { type FileLook, isSameInode } from '../../src/tail/file-identity.ts';
import { resumeGap } from '../../src/tail/resume.ts';
import {
  chooseSuccessor,
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
  withPinned,
} from '../../src/tail/rotation.ts';
import type { GenerationPosition, SourcePosition } from '../../src/tail/source-position.ts';
import type { Clock } from '../clock.ts';
import { ChunkFeeder } from './chunk-feeder.ts';
import { type Current, isPlain, isTelling, roleOf } from './current-generation.ts';
import { findCopy, mayBePacked } from './emptied-copy.ts';
import type { SourceFileSystem } from './file-system.ts';
import { findSiblings } from './generation-finder.ts';
import { GenerationSearch } from './generation-search.ts';
import { LongTask } from './long-task.ts';
import { OpenGeneration } from './open-generation.ts';
import { PackedGeneration } from './packed-generation.ts';
import { PathLooker } from './path-looker.ts';
import { PinnedGenerations } from './pinned-generations.ts';
import { describeFailureOf, SourceFailure } from './read-problem.ts';
import { type Found, type Generation, openSibling } from './resume-search.ts';
import { RetiredGenerations } from './retired-generations.ts';
import type { Turns } from './turns.ts';
import { UnpackedGenerations } from './unpacked-generations.ts';

/** What happened to the file. Called between calls of the consumer. */
export interface GenerationEvents {
  /** A generation is about to be read; its position is worth keeping. */
  began(): void;
  /** Reading goes on in the next generation (for `truncate`: in what was written since). */
  rotated(kind: RotationKind): void;
  gap(gap: Gap): void;
}

/**
 * Where reading begins: at the live file's first byte, behind its last line, at the oldest generation's first byte, or where an earlier run stood.
 * A file that comes later is read from its beginning in any case.
 */
export type StartPoint = 'beginning' | 'end' | 'oldest' | SourcePosition;

/** What one `advance` did. */
export interface Advance {
  /** `busy`: a packed generation is being unpacked or searched; `onProgress` says when there is more to do. */
  readonly decision: Decision | 'busy';
  readonly readBytes: number;
  /** Why the path can't be read, `Cannot read "…": …`; told even while an open file still can. */
  readonly problem: string | undefined;
}

/** One read, in bytes: small enough that a slow consumer can be stopped after it, large enough to cost nothing (performance.md 2.1). */
const READ_BYTES = 256 * 1024;

export interface GenerationReaderOptions {
  readonly path: string;
  readonly consumer: ChunkConsumer;
  readonly events: GenerationEvents;
  readonly start: StartPoint;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly fileSystem: SourceFileSystem;
  /** Bytes were unpacked (`bytes` > 0), or there is something to do again. */
  readonly onProgress: (bytes: number) => void;
}

export class GenerationReader {
  readonly #path: string;
  readonly #consumer: ChunkConsumer;
  #feeder: ChunkFeeder;
  readonly #events: GenerationEvents;
  readonly #clock: Clock;
  readonly #turns: Turns;
  readonly #fileSystem: SourceFileSystem;
  readonly #onProgress: (bytes: number) => void;
  readonly #looker: PathLooker;
  readonly #retired: RetiredGenerations;
  readonly #pinned: PinnedGenerations;
  readonly #unpacked = new UnpackedGenerations();
  #start: 'beginning' | 'end' | 'oldest';
  readonly #task: LongTask;
  readonly #search: GenerationSearch;
  #isClosed = false;
  #current: Current | undefined;
  #generationCount = 0;
  #laterBytes = 0;
  /** What stood at the path and was pinned when no later generation had bytes: while that is so, the folder needn't be searched again. */
  #searchedFor = '';

  constructor({ path, consumer, events, start, clock, turns, fileSystem, onProgress }: GenerationReaderOptions) {
    this.#path = path;
    this.#consumer = consumer;
    this.#feeder = new ChunkFeeder(consumer);
    this.#events = events;
    this.#clock = clock;
    this.#turns = turns;
    this.#fileSystem = fileSystem;
    this.#onProgress = onProgress;
    this.#looker = new PathLooker(path, fileSystem);
    this.#retired = new RetiredGenerations((gap) => events.gap(gap));
    this.#pinned = new PinnedGenerations(path, fileSystem);
    this.#start = typeof start === 'string' ? start : 'beginning';
    this.#task = new LongTask(() => {
      if (!this.#isClosed) this.#onProgress(0);
    });
    const sought = typeof start === 'string' ? undefined : (start.generation ?? undefined);
    this.#search = new GenerationSearch(path, fileSystem, this.#task, sought);
  }

  get generation(): Generation | undefined {
    return this.#current?.generation;
  }

  get generationCount(): number {
    return this.#generationCount;
  }

  get heldBytes(): number {
    return this.#feeder.heldBytes;
  }

  /** Known to be unread: of the open generation, and in later ones. */
  get unreadBytes(): number {
    const generation = this.#current?.generation;
    const ownBytes = generation instanceof OpenGeneration ? Math.max(0, generation.look.sizeBytes - generation.positionBytes) : 0;
    return ownBytes + this.#laterBytes;
  }

  /** For a later start; undefined: nothing was looked at yet. */
  position(): SourcePosition | undefined {
    if (this.#search.sought !== undefined) return { generation: this.#search.sought };
    if (this.#current === undefined) return this.#start === 'beginning' ? { generation: null } : undefined;
    const { generation, seenBytes, before } = this.#current;
    const { heldBytes } = this;
    if (before !== undefined && generation instanceof PackedGeneration && !generation.isNew) return { generation: before };
    return {
      generation: generation instanceof OpenGeneration ? generation.position(heldBytes, seenBytes) : generation.position(heldBytes),
    };
  }

  /** One look and what follows from it. Throws only what the consumer or the events throw. */
  advance(): Advance {
    this.#task.rethrow();
    this.#retired.dropUntil(this.#clock.monotonicMs());
    const path = this.#looker.look();
    const problem = path.kind === 'blocked' ? path.text : undefined;
    try {
      const { sought } = this.#search;
      if (sought !== undefined) {
        const decision = this.#seek(sought, path);
        return { decision, readBytes: 0, problem: problem ?? this.#search.problem };
      }
      if (this.#task.isRunning) {
        this.#pinLive(path);
        return { decision: 'busy', readBytes: 0, problem };
      }
      const observation = this.#observe(path);
      const decision = decideNext(observation);
      return { decision, readBytes: this.#act(decision, observation.successor), problem };
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      return { decision: 'blocked', readBytes: 0, problem: describeFailureOf(this.#path, error) };
    }
  }

  /** Nothing new has come for RECORD_IDLE_MS. */
  settle(): void {
    this.#feeder.settle();
  }

  close(): void {
    this.#isClosed = true;
    this.#retired.dropUntil(Number.POSITIVE_INFINITY);
    this.#pinned.close();
    this.#current?.generation.close();
    this.#current = undefined;
    this.#search.close();
  }

  #seek(sought: GenerationPosition, path: PathLook): Decision | 'busy' {
    const found = this.#search.seek(sought, path);
    if (typeof found === 'string') return found;
    return found.kind === 'found' ? this.#takeFound(found, sought) : this.#giveUp(sought, found);
  }

  #takeFound({ generation, isLive, isCopy }: Extract<Found, { kind: 'found' }>, sought: GenerationPosition): Decision {
    this.#search.sought = undefined;
    if (isCopy) this.#events.gap(resumeGap(sought, true, generation.path, 0));
    if (this.#feeder.heldBytes > 0) this.#feeder = new ChunkFeeder(this.#consumer);
    this.#consumer.begin(sought.doneBytes);
    this.#begin(generation, isCopy ? 'copy' : isLive ? 'live' : 'between', sought.doneBytes);
    return 'open';
  }

  /** It can't be had any more: goes on with what came after it. */
  #giveUp(sought: GenerationPosition, { isEmptied, next }: Extract<Found, { kind: 'lost' }>): Decision {
    const generation = next === undefined ? undefined : openSibling(next, this.#fileSystem);
    if (generation === undefined || next === undefined) return 'linger';
    this.#search.sought = undefined;
    // Of a generation of which nothing was read nobody can say that it isn't the one that is read now.
    if (sought.readBytes > 0 || sought.sizeBytes > 0) this.#events.gap(resumeGap(sought, isEmptied, undefined, this.#feeder.heldBytes));
    this.#feeder.finish();
    this.#begin(generation, next.isLive ? 'live' : 'between');
    this.#events.rotated(isEmptied ? 'truncate' : 'delete');
    return 'open';
  }

  #observe(path: PathLook): Observation {
    this.#repair(path);
    const current = this.#current;
    if (current === undefined) return { path, handle: undefined, successor: undefined, isUnsettled: false };
    const handle = this.#lookAtHandle(current);
    const successor = this.#findSuccessor(path, current.generation);
    return { path, handle, successor: successor === 'unsettled' ? undefined : successor, isUnsettled: successor === 'unsettled' };
  }

  #lookAtHandle(current: Current): HandleLook {
    const { generation } = current;
    const { positionBytes } = generation;
    if (generation instanceof PackedGeneration)
      return {
        look: { ...generation.look, sizeBytes: positionBytes },
        positionBytes,
        isMarkerIntact: true,
        quietMs: Number.POSITIVE_INFINITY,
      };
    const nowMs = this.#clock.monotonicMs();
    const look = generation.lookNow();
    if (look.sizeBytes > current.seenBytes) [current.seenBytes, current.grownAtMs] = [look.sizeBytes, nowMs];
    // A file that was emptied may have come back to the same size; the time of its last write is too coarse to be asked alone.
    const isUnchanged = look.sizeBytes === positionBytes && look.modifiedMs === current.checkedMs;
    const isMarkerIntact = isUnchanged || generation.isMarkerIntact();
    if (isMarkerIntact) current.checkedMs = look.modifiedMs;
    return { look, positionBytes, isMarkerIntact, quietMs: nowMs - current.grownAtMs };
  }

  /** Searches the folder only when it can matter: the path leads to another file now, or to none, and the open one is read. */
  #findSuccessor(path: PathLook, open: Generation): Sibling | 'unsettled' | undefined {
    this.#laterBytes = 0;
    if (path.kind === 'blocked' || (path.kind === 'file' && isSameInode(path.look, open.look))) return undefined;
    this.#pinLive(path);
    if (open instanceof OpenGeneration && open.look.sizeBytes > open.positionBytes) return undefined;
    const pinned = this.#pinned.lookNow();
    const world = path.kind === 'file' ? [path.look, ...pinned].map(fingerprintOf).join() : '';
    if (world !== '' && world === this.#searchedFor) return undefined;
    const siblings = findSiblings(open.path, this.#path, this.#fileSystem);
    if (siblings === undefined) return 'unsettled';
    const ordered = withPinned(siblings, open.look, pinned);
    const successor = chooseSuccessor(open.look, ordered);
    this.#searchedFor = successor === undefined ? world : '';
    const later = successor === undefined ? [] : ordered.slice(ordered.indexOf(successor));
    this.#laterBytes = later.reduce((sum, { look }) => sum + look.sizeBytes, 0);
    return successor;
  }

  #pinLive(path: PathLook): void {
    const open = this.#current?.generation.look;
    if (open !== undefined && path.kind === 'file' && !isSameInode(path.look, open)) this.#pinned.pin(path.look, open);
  }

  /** Returns how many bytes were read. */
  #act(decision: Decision, successor: Sibling | undefined): number {
    const current = this.#current;
    if (decision === 'open') this.#openFirst();
    // A missing file has no end to start at, and no older ones that were looked for: all that comes is new.
    if (decision === 'open' || (decision === 'missing' && this.#start === 'end')) this.#start = 'beginning';
    if (current === undefined) return 0;
    if (decision === 'drain_then_switch' && successor !== undefined) return this.#switchTo(successor, current);
    if (!isPlain(current)) return 0;
    if (decision === 'read') return this.#feeder.fill(current.generation.readNext, READ_BYTES);
    if (decision === 'truncated') this.#beginAnew(current);
    return 0;
  }

  #openFirst(): void {
    const oldest = this.#start === 'oldest' ? this.#openOldest() : undefined;
    if (oldest !== undefined) {
      this.#begin(oldest, 'between');
      return;
    }
    const generation = new OpenGeneration(this.#path, this.#fileSystem);
    if (this.#start === 'end') generation.skipToLastLine();
    if (generation.positionBytes > 0) this.#consumer.begin(generation.positionBytes);
    this.#begin(generation, 'live');
  }

  /** Undefined: there are none but the live file. */
  #openOldest(): Generation | undefined {
    const siblings = findSiblings(this.#path, this.#path, this.#fileSystem) ?? [];
    const oldest = siblings.find(({ isLive, look }) => !isLive && look.sizeBytes > 0);
    return oldest === undefined ? undefined : openSibling(oldest, this.#fileSystem);
  }

  #begin(generation: Generation, role: Current['role'], fromByte = 0, known?: OpenGeneration): void {
    const before = isTelling(known) ? known.position(0, known.positionBytes) : undefined;
    const grownAtMs = this.#clock.monotonicMs();
    this.#current = { generation, role, seenBytes: generation.look.sizeBytes, grownAtMs, checkedMs: -1, before };
    this.#generationCount++;
    this.#laterBytes = 0;
    this.#searchedFor = '';
    if (generation instanceof PackedGeneration) this.#unpack(generation, fromByte, known);
    this.#events.began();
  }

  #unpack(generation: PackedGeneration, fromByte: number, known: OpenGeneration | undefined): void {
    const beginning = isTelling(known) ? known.identity.prefix : undefined;
    this.#task.run(async () => {
      await generation.read(fromByte, beginning, this.#turns, (bytes) => {
        this.#feeder.push(bytes);
        this.#onProgress(bytes.length);
      });
      if (generation.fault !== undefined) this.#events.gap(unreadGap('damaged', generation.positionBytes, 0));
      else if (!generation.isRepeat) this.#unpacked.add(generation.position(0));
    });
  }

  #switchTo(successor: Sibling, current: Current): number {
    // The old file may have got another line since it was looked at.
    const lateBytes = isPlain(current) ? this.#feeder.fill(current.generation.readNext, READ_BYTES) : 0;
    const next = lateBytes === 0 ? this.#openSuccessor(successor) : undefined;
    if (next === undefined) return lateBytes;
    const kind = this.#kindOfEnd(current);
    const isRepeat = current.generation instanceof PackedGeneration && current.generation.isRepeat;
    if (!this.#isReplacedBy(next, successor, current)) this.#feeder.finish();
    this.#retire(current.generation);
    const role = roleOf(successor, current.role);
    // From copy to copy: the file was emptied once more.
    if (role === 'copy') this.#events.gap(truncationGap(current.generation.positionBytes, 0, { path: next.path, sizeBytes: 0 }));
    this.#begin(next, role, 0, isPlain(current) ? current.generation : undefined);
    // The rotation was told when the plain form was left.
    if (!isRepeat) this.#events.rotated(kind);
    return 0;
  }

  /** Replaced by a copy of itself, as an editor or a restored backup does. A file that still has a name was rotated. */
  #isReplacedBy(next: Generation, { isLive }: Sibling, current: Current): boolean {
    if (!isLive || !(next instanceof OpenGeneration) || !isPlain(current)) return false;
    return current.generation.look.linkCount === 0 && next.takeOver(current.generation);
  }

  #retire(generation: Generation): void {
    if (generation instanceof OpenGeneration) this.#retired.add(generation, this.#clock.monotonicMs());
    else generation.close();
  }

  /** Undefined: there is another one to be chosen, as the rotation went on meanwhile, or this one was read already. */
  #openSuccessor(successor: Sibling): Generation | undefined {
    const held = this.#pinned.take(successor.look);
    for (const generation of held?.passedOver ?? []) this.#retired.add(generation, this.#clock.monotonicMs());
    if (held === undefined) return openSibling(successor, this.#fileSystem);
    if (!this.#unpacked.hold(held.generation)) return held.generation;
    this.#retire(held.generation);
    return undefined;
  }

  #kindOfEnd({ generation, role }: Current): RotationKind {
    if (role === 'copy') return 'truncate';
    return rotationKindOf(generation.look, role === 'live' && this.#standsAt(generation));
  }

  #standsAt({ path, look }: Generation): boolean {
    try {
      return isSameInode(this.#fileSystem.look(path), look);
    } catch {
      return false;
    }
  }

  /** The open file was emptied: reads on in its copy, if there is one; else in the file itself, from byte 0. */
  #beginAnew(current: Current<OpenGeneration>): void {
    const { generation, seenBytes, role } = current;
    const { positionBytes } = generation;
    const siblings = findSiblings(generation.path, this.#path, this.#fileSystem) ?? [];
    const copy = findCopy(generation, siblings, this.#fileSystem);
    if (copy === undefined && mayBePacked(current.checkedMs, siblings)) {
      // Searched for as after a start. What the consumer holds is presented again from the copy, or ends here.
      this.#search.sought = generation.position(this.#feeder.heldBytes, seenBytes);
      generation.close();
      this.#current = undefined;
      return;
    }
    this.#events.gap(truncationGap(positionBytes, seenBytes, copy && { path: copy.path, sizeBytes: copy.look.sizeBytes }));
    if (copy !== undefined) {
      generation.close();
      this.#begin(copy, 'copy');
      return;
    }
    this.#feeder.finish();
    generation.restart();
    this.#begin(generation, role);
    this.#events.rotated('truncate');
  }

  /** A descriptor that fails is opened anew; if another file stands at the path by now, what it had left is lost. */
  #repair(path: PathLook): void {
    const current = this.#current;
    if (current === undefined || !isPlain(current) || !current.generation.isBroken || path.kind !== 'file') return;
    if (current.generation.reopen(this.#path)) return;
    const { positionBytes } = current.generation;
    this.#events.gap(unreadGap('unreadable', positionBytes, Math.max(0, current.seenBytes - positionBytes)));
    this.#feeder.finish();
    current.generation.close();
    this.#current = undefined;
  }
}

function unreadGap(reason: Gap['reason'], fromByte: number, lostBytes: number): Gap {
  return { reason, fromByte, lostBytes, isExact: false, recoveredFrom: undefined };
}

function fingerprintOf({ dev, ino, birthtimeMs, modifiedMs, sizeBytes }: FileLook): string {
  return `${dev}:${ino}:${birthtimeMs}:${modifiedMs}:${sizeBytes}`;
}
