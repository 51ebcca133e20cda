/**
 * A follower with everything around it in a test's hands: clock, wake, turns, file system. In: a path. Out: what was read and what was told.
 */
import { Follower, type FollowerObserver } from '../../daemon/sources/follower.ts';
import type { Gap } from '../../src/tail/rotation.ts';
import { FaultyFileSystem } from './faulty-file-system.ts';
import { ManualClock } from './manual-clock.ts';
import { ManualTurns, ManualWake } from './manual-wake.ts';
import { RecordingConsumer, type RecordingOptions } from './recording-consumer.ts';

/** Longer than any time a follower waits for by itself (idle record, late writes). */
const REST_MS = 300;

export class FollowBench {
  readonly clock = new ManualClock();
  readonly wake = new ManualWake();
  readonly turns: ManualTurns;
  readonly fileSystem = new FaultyFileSystem();
  readonly consumer: RecordingConsumer;
  readonly follower: Follower;
  /** In order: `rotated rename`, `gap truncated`, `problem Cannot …`, `recovered`, `caught up`. */
  readonly events: string[] = [];
  readonly gaps: Gap[] = [];

  /** `turns`: shared with other followers. */
  constructor(path: string, options: RecordingOptions = {}, turns: ManualTurns = new ManualTurns()) {
    this.turns = turns;
    this.consumer = new RecordingConsumer(options);
    const observer: FollowerObserver = {
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

  start(from: 'beginning' | 'end' = 'beginning'): this {
    this.follower.start({ from });
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
    for (let isNew = true; isNew; ) {
      this.clock.advance(REST_MS);
      isNew = this.wake.ring();
      isNew = this.turns.runAll() > 0 || isNew;
    }
  }

  get lines(): string[] {
    return this.consumer.lines;
  }
}
