/**
 * Follows one log file through its rotations, for `run`.
 *
 * In: a path, and a wake that says when to look. Out: every byte written to the path, in the order of writing and once, through the consumer; what
 * happened to the file, through the observer. A GenerationReader reads; this file decides when and how much: a look reads up to STEP_BYTES or STEP_MS, the
 * rest is left to later turns of the event loop. A record is settled RECORD_IDLE_MS after its last byte.
 */
import { type ChunkConsumer, RECORD_IDLE_MS } from '../../src/lines/chunk-consumer.ts';
import type { SourcePosition } from '../../src/tail/source-position.ts';
import type { Clock, Timer } from '../clock.ts';
import { realFileSystem, type SourceFileSystem } from './file-system.ts';
import { type Advance, type GenerationEvents, GenerationReader, type StartPoint } from './generation-reader.ts';
import { describeMissing } from './read-problem.ts';
import type { Turns } from './turns.ts';
import type { Wake, Watching } from './wake.ts';

/** What a follower tells. Called in the order of events, between calls of the consumer; must not call the follower. */
export interface FollowerObserver extends GenerationEvents {
  /** The file can't be read, `text` says why; told once for each reason. Reading is tried again at every look. */
  problem(text: string): void;
  /** The last problem is over. */
  recovered(): void;
  /** For the first time nothing more can be read. A file that is missing or can't be read has nothing to catch up on. */
  caughtUp(): void;
}

/** How far a follower is. Bytes, all ≥ 0. */
export interface FollowerState {
  readonly path: string;
  /** Read so far of the open generation; `heldBytes` of them aren't taken by the consumer yet. */
  readonly positionBytes: number;
  readonly heldBytes: number;
  readonly sizeBytes: number;
  /** Known to be written and not read, in later generations too. */
  readonly unreadBytes: number;
  readonly isCaughtUp: boolean;
  /** Since the start there was a file at the path, and all was read that was there then. Not so while it's missing or can't be read. */
  readonly hasReachedEnd: boolean;
  /** When the last look was completed, by the clock's monotonicMs; 0 before the first. */
  readonly lastLookMs: number;
  /** Generations opened since the start; a file that was emptied counts again. */
  readonly generationCount: number;
}

/** What a follower needs of the world. */
export interface FollowerSurroundings {
  readonly clock: Clock;
  readonly wake: Wake;
  readonly turns: Turns;
  readonly fileSystem?: SourceFileSystem;
}

/** A look reads no more than this, in bytes; then others have their turn. Chosen: about 1 ms of parsing (performance.md 2.1). */
const STEP_BYTES = 1024 * 1024;

/** A look that is at it for this long, in milliseconds, stops after the current read (design goal: loop delay p99 ≤ 20 ms while catching up). */
const STEP_MS = 8;

/** A followed file may be gone for this long, in milliseconds, before that is a problem: a rotation without `create` leaves a hole of some milliseconds. */
const MISSING_GRACE_MS = 1000;

type Decision = Advance['decision'];

/** After these there may be more to do at once; after the others only the next look can tell. */
const GOES_ON: ReadonlySet<Decision> = new Set(['open', 'read', 'truncated', 'drain_then_switch']);

/** After these all is read that can be read. */
const IS_DONE: ReadonlySet<Decision> = new Set(['wait', 'missing', 'blocked']);

/** Follows one path. Start it once, stop it once. */
export class Follower {
  readonly path: string;
  readonly #consumer: ChunkConsumer;
  readonly #observer: FollowerObserver;
  readonly #surroundings: FollowerSurroundings;
  #reader: GenerationReader | undefined;
  #watching: Watching | undefined;
  #hasStarted = false;
  #isStepWaiting = false;

  #problem: string | undefined;
  #missingSinceMs: number | undefined;
  #hasCaughtUp = false;
  #isCaughtUp = false;
  #hasReachedEnd = false;
  #lastLookMs = 0;

  #settleTimer: Timer | undefined;
  #lastBytesMs = 0;

  constructor(path: string, consumer: ChunkConsumer, observer: FollowerObserver, surroundings: FollowerSurroundings) {
    this.path = path;
    this.#consumer = consumer;
    this.#observer = observer;
    this.#surroundings = surroundings;
  }

  /** Begins; reads in later turns. Throws TypeError when it was started before. */
  start(from: StartPoint): void {
    if (this.#hasStarted) throw new TypeError(`Cannot start following "${this.path}": it was started before, expected a new follower`);
    this.#hasStarted = true;
    const { clock, wake, turns, fileSystem = realFileSystem } = this.#surroundings;
    this.#reader = new GenerationReader({
      path: this.path,
      consumer: this.#consumer,
      events: this.#observer,
      start: from,
      clock,
      turns,
      fileSystem,
      onProgress: (bytes) => this.#noteProgress(bytes),
    });
    this.#watching = wake.watch(this.path, () => this.look());
    this.#requestStep();
  }

  /** Lets go of everything at once: no byte is read and the consumer isn't called any more, what it holds back stays held. Again: nothing. */
  stop(): void {
    this.#watching?.stop();
    this.#settleTimer?.cancel();
    this.#reader?.close();
    this.#reader = undefined;
  }

  get state(): FollowerState {
    const generation = this.#reader?.generation;
    return {
      path: this.path,
      positionBytes: generation?.positionBytes ?? 0,
      heldBytes: this.#reader?.heldBytes ?? 0,
      sizeBytes: generation?.look.sizeBytes ?? 0,
      unreadBytes: this.#reader?.unreadBytes ?? 0,
      isCaughtUp: this.#isCaughtUp,
      hasReachedEnd: this.#hasReachedEnd,
      lastLookMs: this.#lastLookMs,
      generationCount: this.#reader?.generationCount ?? 0,
    };
  }

  /** What a later start needs to go on here; it belongs to what the consumer knows now. Undefined: nothing was looked at yet. */
  position(): SourcePosition | undefined {
    return this.#reader?.position();
  }

  /**
   * Looks now and reads what is there, up to one step. Returns whether there was something new. A follower that is catching up has its turn anyway; while turns
   * are held, the look has to wait for one, too.
   */
  look(): boolean {
    if (this.#surroundings.turns.isHeld) this.#requestStep();
    return this.#isStepWaiting || this.#step();
  }

  #requestStep(): void {
    if (this.#isStepWaiting || this.#reader === undefined) return;
    this.#isStepWaiting = true;
    this.#surroundings.turns.request(() => {
      this.#isStepWaiting = false;
      this.#step();
    });
  }

  #step(): boolean {
    const reader = this.#reader;
    if (reader === undefined) return false;
    const { clock } = this.#surroundings;
    const stopAtMs = clock.monotonicMs() + STEP_MS;
    const generationsBefore = reader.generationCount;
    let readBytes = 0;
    let decision: Decision;
    do {
      const advance = reader.advance();
      readBytes += advance.readBytes;
      decision = advance.decision;
      this.#tellProblem(decision, advance.problem);
    } while (GOES_ON.has(decision) && readBytes < STEP_BYTES && clock.monotonicMs() < stopAtMs);
    if (readBytes > 0) this.#noteBytes();
    this.#lastLookMs = clock.monotonicMs();
    this.#isCaughtUp = IS_DONE.has(decision);
    if (decision === 'wait') this.#hasReachedEnd = true;
    if (this.#isCaughtUp) this.#tellCaughtUp();
    if (GOES_ON.has(decision)) this.#requestStep();
    return readBytes > 0 || reader.generationCount > generationsBefore;
  }

  /** Something was unpacked or found in between two turns. */
  #noteProgress(bytes: number): void {
    if (bytes > 0) this.#noteBytes();
    else this.#requestStep();
  }

  #tellCaughtUp(): void {
    if (this.#hasCaughtUp) return;
    this.#hasCaughtUp = true;
    this.#observer.caughtUp();
  }

  #tellProblem(decision: Decision, problem: string | undefined): void {
    const text = problem ?? (decision === 'missing' ? this.#missingProblem() : undefined);
    if (decision !== 'missing') this.#missingSinceMs = undefined;
    if (text === this.#problem) return;
    this.#problem = text;
    if (text === undefined) this.#observer.recovered();
    else this.#observer.problem(text);
  }

  /** While a file is read on after it lost its name, that isn't a problem at once. */
  #missingProblem(): string | undefined {
    const nowMs = this.#surroundings.clock.monotonicMs();
    this.#missingSinceMs ??= nowMs;
    const isGrace = this.#reader?.generation !== undefined && nowMs - this.#missingSinceMs < MISSING_GRACE_MS;
    return isGrace ? this.#problem : describeMissing(this.path);
  }

  #noteBytes(): void {
    this.#lastBytesMs = this.#surroundings.clock.monotonicMs();
    this.#settleTimer ??= this.#surroundings.clock.setTimer(RECORD_IDLE_MS, () => this.#settleOrWait());
  }

  /** One timer runs while bytes come, set anew only when it has run: setting one for each read would cost more than the reads. */
  #settleOrWait(): void {
    const { clock } = this.#surroundings;
    this.look();
    if (this.#reader === undefined) return;
    const restMs = this.#isStepWaiting ? RECORD_IDLE_MS : this.#lastBytesMs + RECORD_IDLE_MS - clock.monotonicMs();
    if (restMs > 0) {
      this.#settleTimer = clock.setTimer(Math.ceil(restMs), () => this.#settleOrWait());
      return;
    }
    this.#settleTimer = undefined;
    this.#reader.settle();
  }
}
