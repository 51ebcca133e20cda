/**
 * Events in, log lines out: the one place that says how loud an event is and in which words. error = data lost or a person needed,
 * warn = surprising but nothing lost, info = life cycle, debug = for whoever looks for something (house-style.md 7).
 *
 * Events that may come in masses (a file that stays away, lines of a strange shape) are limited by kind, source and reason, and the number
 * of those left out is written. Samples of the log are redacted here.
 */
import type { WatchEvent } from '../src/events.ts';
import type { Clock } from './clock.ts';
import type { IdentifierMode, LogLevel } from './config/config.ts';
import type { LogFields, Logger } from './logger.ts';
import { redactSample } from './redaction.ts';
import { RepeatLimiter } from './repeat-limiter.ts';

export interface ObserverOptions {
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly identifiers: IdentifierMode;
}

export interface Observer {
  /** Never throws for an event; what was said too often is kept back. */
  announce(event: WatchEvent): void;
  /** Writes what was kept back long enough; to be called every few seconds and before the end. */
  tick(): void;
}

// How an event is said. With `repeatKey` it may be kept back; without, every one is written.
interface Saying {
  readonly level: LogLevel;
  readonly message: string;
  readonly repeatKey?: string;
}

type Sayings = { readonly [Kind in WatchEvent['kind']]: (event: Extract<WatchEvent, { readonly kind: Kind }>) => Saying };

// Chosen: one line a minute shows that it goes on; 500 keys are 64 sources with several reasons each.
const REPEAT_LIMITS = { intervalMs: 60_000, maxKeys: 500 };

// A broken file can have hundreds; `check` lists them all.
const MAX_LOGGED_PROBLEMS = 20;

const SAYINGS: Sayings = {
  daemon_started: () => info('Daemon started'),
  server_opened: ({ host, port }) => info(`Listening on ${host} port ${port}`),
  server_exposed: ({ host }) => warn(`Status page and metrics on ${host} are open to other machines without a password`),
  catch_up_started: () => info('Reading what was written while nobody watched'),
  caught_up: () => info('Caught up with the logs'),
  stop_requested: ({ signal }) => info(`Stopping on ${signal}`),
  stop_forced: ({ reason }) =>
    error(reason === 'deadline' ? 'Stopped by force: the deadline passed' : 'Stopped by force: a second signal came'),
  daemon_stopped: () => info('Daemon stopped'),
  service_manager_lost: () => warn("systemd can't be told how the service is"),
  config_rejected: ({ problems }) => error(`Configuration rejected, ${counted(problems.length, 'problem')}`),

  source_opened: ({ source }) => info(`Reading ${source}`),
  source_unreadable: ({ source, code }) => error(`Cannot read ${source} (${code}), trying again`, `${source} ${code}`),
  source_recovered: ({ source }) => info(`Reading ${source} again`),
  source_ended: ({ source }) => info(`End of ${source}`),
  rotation_seen: ({ source, rotation }) => info(`Rotation of ${source}: ${rotation}`, `${source} ${rotation}`),
  generation_drained: ({ source }) => debug(`Read a rotated generation of ${source} to its end`),
  gap_found: ({ source, reason }) => error(`Log lines of ${source} are lost: ${reason}`, `${source} ${reason}`),
  hints_lost: ({ watched }) => warn(`The kernel doesn't tell about changes of ${watched}, polling goes on`, watched),

  format_detected: ({ source, format, layout }) => info(`Format of ${source} is ${format} (${layout})`),
  shape_unrecognised: ({ source, reason }) => warn(`Log line of unknown shape in ${source}: ${reason}`, `${source} ${reason}`),
  line_cut: ({ source }) => warn(`Log line too long in ${source}, its end was left out`, source),
  incarnation_changed: ({ source }) => info(`Synapse was started anew (${source})`, source),
  record_distrusted: ({ source, reason }) => warn(`Record in ${source} may be forged: ${reason}`, `${source} ${reason}`),
  time_stepped_back: ({ source }) => warn(`Stamps in ${source} step back`, source),

  rules_loaded: ({ ruleCount, fileCount }) => info(`Using ${counted(ruleCount, 'rule')} from ${counted(fileCount, 'file')}`),
  rules_rejected: ({ problems, keptRuleCount }) =>
    error(
      `Rules rejected, ${counted(problems.length, 'problem')}${keptRuleCount === null ? '' : `, the last good ${keptRuleCount} stay in use`}`,
    ),

  state_resumed: () => info('Resuming where the last run committed'),
  state_created: () => info('No state yet, beginning anew'),
  state_set_aside: ({ movedTo, reason }) => error(`State can't be used (${reason}), set aside as ${movedTo}`),
  state_rewritten: ({ setAside }) =>
    error(
      `The state's database was gone from its path, all of it is written anew${setAside === null ? '' : `; what stood there is set aside as ${setAside}`}`,
    ),
  state_row_left_out: ({ problem }) => warn(`A part of the state is left out: ${problem}`, 'left out'),
  commit_failed: ({ code }) => error(`Cannot commit state (${code}), going on in memory and trying again`, code),
  commit_recovered: () => info('State is committed again'),

  join_evicted: ({ source, reason }) => warn(`Requests of ${source} let go without their access line: ${reason}`, `${source} ${reason}`),
  device_evicted: ({ reason }) => warn(`Devices forgotten: ${reason}`, reason),
  series_refused: ({ metric }) => warn(`No more series for ${metric}, counted as overflow`, metric),
};

/** One observer for the whole daemon. */
export function createObserver({ logger, clock, identifiers }: ObserverOptions): Observer {
  const limiter = new RepeatLimiter<WatchEvent>(REPEAT_LIMITS);
  const write = (event: WatchEvent, suppressed: number): void => {
    const { level, message } = sayingOf(event);
    logger.write(level, message, { ...fieldsOf(event, identifiers), ...(suppressed > 0 ? { suppressed } : {}) });
  };
  return {
    announce: (event) => {
      const { repeatKey } = sayingOf(event);
      if (repeatKey === undefined) return write(event, 0);
      const admitted = limiter.admit(`${event.kind} ${repeatKey}`, event, clock.monotonicMs());
      if (admitted !== undefined) write(admitted.item, admitted.suppressed);
    },
    tick: () => {
      for (const { item, suppressed } of limiter.expire(clock.monotonicMs())) write(item, suppressed);
    },
  };
}

function sayingOf(event: WatchEvent): Saying {
  // The table has for each kind the function of that kind; TypeScript can't follow that through the index.
  const say = SAYINGS[event.kind] as (event: WatchEvent) => Saying;
  return say(event);
}

// {"event":"source_opened","source":"homeserver.log",…}
function fieldsOf({ kind, ...rest }: WatchEvent, identifiers: IdentifierMode): LogFields {
  const sample = 'sample' in rest ? { sample: redactSample(rest.sample, identifiers) } : {};
  const problems = 'problems' in rest ? { problems: rest.problems.slice(0, MAX_LOGGED_PROBLEMS) } : {};
  return { event: kind, ...rest, ...sample, ...problems };
}

function debug(message: string): Saying {
  return { level: 'debug', message };
}

function info(message: string, repeatKey?: string): Saying {
  return saying('info', message, repeatKey);
}

function warn(message: string, repeatKey?: string): Saying {
  return saying('warn', message, repeatKey);
}

function error(message: string, repeatKey?: string): Saying {
  return saying('error', message, repeatKey);
}

function saying(level: LogLevel, message: string, repeatKey: string | undefined): Saying {
  return repeatKey === undefined ? { level, message } : { level, message, repeatKey };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
