/** A configured source → what reads it. */
import type { WatchEvent } from '../../src/events.ts';
import type { Pipeline } from '../../src/pipeline.ts';
import type { SourceConfig } from '../config/config.ts';
import { FollowedSource } from './followed-source.ts';
import type { FollowerSurroundings } from './follower.ts';
import { JournalInput, readMachineId } from './journal-input.ts';
import type { LogSource } from './log-source.ts';
import { type InputStream, StandardInput } from './standard-input.ts';
import { StreamedSource } from './streamed-source.ts';

export interface SourceSurroundings extends FollowerSurroundings {
  readonly standardInput: InputStream;
}

export interface CreateSourceOptions {
  readonly config: SourceConfig;
  readonly pipeline: Pipeline;
  readonly surroundings: SourceSurroundings;
  readonly announce: (event: WatchEvent) => void;
  /** Where reading stands is worth keeping now: a generation was begun. */
  readonly onBegan: () => void;
  /** It has come to its end and will not go on; a file or a journal never does. */
  readonly onEnd: (source: LogSource) => void;
}

export function createSource({ config, pipeline, surroundings, announce, onBegan, onEnd }: CreateSourceOptions): LogSource {
  if (config.kind === undefined) return new FollowedSource({ config, pipeline, surroundings, announce, onBegan });
  const { clock, turns, standardInput } = surroundings;
  const input =
    config.kind === 'journal'
      ? new JournalInput({ match: config.path, clock, machineId: readMachineId() })
      : new StandardInput(standardInput);
  const source: LogSource = new StreamedSource({ config, input, pipeline, clock, turns, announce, onEnd: () => onEnd(source) });
  return source;
}
