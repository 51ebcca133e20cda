/**
 * In: the options of one log. Out: everything that its parts share: chance, cast, time, truth, and the counters of a Synapse process.
 *
 * Invariant: all state of a generated log hangs here, so two logs in one process don't touch each other.
 */
import { type Cast, createCast } from './cast.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import type { Profile } from './truth.ts';
import { TruthBook } from './truth-book.ts';

export interface LogOptions {
  readonly profile: Profile;
  /** 0 … 2^32 − 1. */
  readonly seed: number;
  /** Lines per second of log time. */
  readonly linesPerSecond: number;
  /** Epoch of the first stamp, written as if the zone were UTC. */
  readonly startMs: number;
  /** Devices that keep uploading a key id that is taken, at least 1. */
  readonly wedgedCount: number;
  /** No refusal comes by itself, only those asked for with `planRefusal` (live mode). Default: false. */
  readonly isQuietAboutKeys?: boolean;
}

export interface World {
  readonly options: LogOptions;
  readonly random: Random;
  readonly cast: Cast;
  readonly timeline: Timeline;
  readonly book: TruthBook;
  /** The whole process logs at DEBUG. */
  readonly isDebug: boolean;
  /** The to-device debug logger is on. */
  readonly hasToDeviceDebug: boolean;
  readonly isHostile: boolean;
  /** Numbers that a Synapse process counts up. */
  readonly next: { request: number; federationRequest: number; toDeviceStream: number; eventOrdering: number };
}

export function createWorld(options: LogOptions): World {
  const random = new Random(options.seed);
  const isHostile = options.profile === 'hostile';
  const isDebug = options.profile === 'debug';
  return {
    options,
    random,
    cast: createCast(random, { isHostile, wedgedCount: options.wedgedCount }),
    timeline: new Timeline(),
    book: new TruthBook(options.seed, options.profile),
    isDebug,
    hasToDeviceDebug: isDebug || options.profile === 'todevice',
    isHostile,
    next: { request: 1000, federationRequest: 1000, toDeviceStream: 500_000, eventOrdering: 1 },
  };
}

/** A duration like a homeserver's: around `median` ms, with a tail of 4, 15 and 60 times that. At least 1. */
export function latency(random: Random, median: number): number {
  const r = random.u32() & 1023;
  const factor = r > 1015 ? 60 : r > 980 ? 15 : r > 850 ? 4 : r > 500 ? 2 : 1;
  const ms = Math.floor((median * factor * (500 + random.int(1000))) / 1000);
  return ms < 1 ? 1 + random.int(4) : ms;
}
