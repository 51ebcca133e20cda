/**
 * A follower with everything around it in a test's hands: clock, wake, turns, file system. In: a path. Out: what was read and what was told.
 */
import { Follower, type FollowerObserver } from '../../daemon/sources/follower.ts';
import type { StartPoint } from '../../daemon/sources/generation-reader.ts';
import type { Gap } from '../../src/tail/rotation.ts';
import { formatPosition, parsePosition } from '../../src/tail/source-position.ts';
import { FaultyFileSystem } from './faulty-file-system.ts';
import { ManualClock } from './manual-clock.ts';
import { ManualTurns, ManualWake } from './manual-wake.ts';
import { RecordingConsumer, type RecordingOptions } from './recording-consumer.ts';

/** Turns of the event loop, far more than any test needs. */
const MOST_TRIES = 100_000;

/** Longer than any time a follower waits for by itself (idle record, late writes). */
const REST_MS = 300;

export interface Commit {
  readonly position: StartPoint;
  readonly consumer: RecordingConsumer;
}

export class FollowBench {
  readonly clock = new ManualClock();
  readonly wake = new ManualWake();
  readonly turns: ManualTurns;
  readonly options: RecordingOptions;
  readonly fileSystem = new FaultyFileSystem();
  readonly consumer: RecordingConsumer;
  readonly follower: Follower;
  /** In order: `rotated rename`, `gap truncated`, `problem Cannot …`, `recovered`, `caught up`. */
  readonly events: string[] = [];
  readonly gaps: Gap[] = [];

  /** `turns`: shared with other followers. */
  constructor(path: string, options: RecordingOptions = {}, turns: ManualTurns = new ManualTurns()) {
    this.turns = turns;
    this.options = options;
    this.consumer = new RecordingConsumer(options);
    const observer: FollowerObserver = {
      began: () => {},
      rotated: (kind) => this.events.push(`rotated ${kind}`),
      gap: (gap) => {
        this.events.push(`gap ${gap.reason}`);
        this.gaps.push(gap);
      },
      problem: (text) => this.events.push(`problem ${text}`),
      recovered: () => this.events.push('recovered'),
      caughtUp: () => this.events.push('caught up'),
    };
    this.follower = new Follower(path, this.consumer, observer, this);
  }

  start(from: StartPoint = 'beginning'): this {
    this.follower.start(from);
    this.turns.runAll();
    return this;
  }

  /** One look, and the turns that follow from it. */
  look(): void {
    this.wake.ring();
    this.turns.runAll();
  }

  /** Time passes and looks are taken until all that can be read is read. */
  rest(): void {
    this.look();
    // Twice: the follower's own timer may have had the first look.
    for (let quietRounds = 0; quietRounds < 2; ) {
      this.clock.advance(REST_MS);
      const isNew = this.wake.ring();
      quietRounds = this.turns.runAll() > 0 || isNew ? 0 : quietRounds + 1;
    }
  }

  /** As `rest`, also while something is unpacked, which takes real time. */
  async restLong(): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.rest();
      if (this.follower.state.isCaughtUp) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('Has not come to rest');
  }

  /** What a commit of the state keeps. */
  commit(): Commit {
    const position = this.follower.position();
    const consumer = new RecordingConsumer(this.options);
    consumer.continueAfter(this.consumer);
    return { position: position === undefined ? 'beginning' : (parsePosition(formatPosition(position)) ?? 'beginning'), consumer };
  }

  /** Kills it (nothing is finished, what it held is gone) and starts another one from a commit. The world may have changed: `meanwhile`. */
  restart(meanwhile: () => void = () => {}, { position, consumer }: Commit = this.commit()): FollowBench {
    this.follower.stop();
    meanwhile();
    const next = new FollowBench(this.follower.path, this.options);
    next.consumer.continueAfter(consumer);
    return next.start(position);
  }

  get lines(): string[] {
    return this.consumer.lines;
  }
}
