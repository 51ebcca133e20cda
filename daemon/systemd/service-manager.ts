/**
 * What systemd is told of the service's state (sd_notify(3)), and which descriptors it handed over (sd_listen_fds(3)). No native module.
 *
 * In: the environment it started us with. Out: READY, STATUS, RELOADING, STOPPING, WATCHDOG. Two ways, the first that there is:
 *
 * - an inherited socket: `OpenFile=/run/systemd/notify:notify` (systemd ≥ 253) connects it and hands it over, a write is a message;
 * - a `systemd-notify` child per message. Node has no datagram sockets of the unix family. Children run one at a time: two at once may
 *   arrive swapped, and a RELOADING behind its READY leaves the unit reloading for ever (reproduced on 257). NotifyAccess=all is needed.
 *
 * Without NOTIFY_SOCKET (started by hand, in a container) everything here does nothing. Telling never throws: a service that can't say how
 * it is goes on all the same.
 */
import { execFile } from 'node:child_process';
import { writeSync } from 'node:fs';

/** `process.env`, or what a test puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ServiceManager {
  /** The watchdog's period in milliseconds; null: nobody watches. */
  readonly watchdogMs: number | null;
  /** Rules and sources are open; `status` as in `describe`. */
  ready(status: string): void;
  /** One line for `systemctl status`. Nothing is sent while only its numbers change: those go along with `alive`. */
  describe(status: string): void;
  /** The work goes on: restarts the watchdog's period. */
  alive(status: string): void;
  /** A reload has begun; `ready` ends it. */
  reloading(): void;
  stopping(): void;
  /** Resolves when all that was said has been handed over, or after FLUSH_MS. */
  flush(): Promise<void>;
}

/** What the machine does for a ServiceManager. */
export interface NotifyMeans {
  write(fd: number, message: string): void;
  /** Runs `systemd-notify` with these assignments; calls back when it has ended. */
  run(assignments: readonly string[], onEnd: (failure: string | undefined) => void): void;
  /** CLOCK_MONOTONIC, in microseconds. */
  monotonicUs(): bigint;
}

export interface ServiceManagerOptions {
  readonly environment: Environment;
  readonly pid: number;
  readonly means?: NotifyMeans;
  /** Told once: nobody hears us, and why. */
  readonly onLost?: (message: string) => void;
}

/** At a stop it is waited no longer than this for the last words, in milliseconds. Chosen: a child takes about 10 ms. */
const FLUSH_MS = 1000;

/** A child that hangs must not keep the next from running, in milliseconds. Below a third of any sensible WatchdogSec. */
const CHILD_TIMEOUT_MS = 5000;

/** First descriptor that is handed over (SD_LISTEN_FDS_START). */
const FIRST_FD = 3;

const systemMeans: NotifyMeans = {
  write: (fd, message) => void writeSync(fd, message),
  run: (assignments, onEnd) => {
    execFile('systemd-notify', [...assignments], { timeout: CHILD_TIMEOUT_MS }, (error) => onEnd(error?.message));
  },
  monotonicUs: () => process.hrtime.bigint() / 1000n,
};

/** The descriptor that systemd handed over under this name (FileDescriptorName=, OpenFile=…:NAME); undefined where there is none, or it's not for us. */
export function inheritedDescriptor(name: string, environment: Environment, pid: number): number | undefined {
  if (environment['LISTEN_PID'] !== String(pid)) return undefined;
  const count = Number(environment['LISTEN_FDS']);
  const index = (environment['LISTEN_FDNAMES'] ?? '').split(':').indexOf(name);
  return index >= 0 && index < count ? FIRST_FD + index : undefined;
}

export function createServiceManager({ environment, pid, means = systemMeans, onLost = () => {} }: ServiceManagerOptions): ServiceManager {
  const fd = inheritedDescriptor('notify', environment, pid);
  const channel = fd !== undefined ? new DescriptorChannel(fd, means, onLost) : createChildChannel(environment, means, onLost);
  let lastStatus = '';
  const statusLine = (status: string): string[] => {
    lastStatus = status;
    // A newline would begin another assignment.
    return [`STATUS=${status.replace(/\p{Cc}+/gu, ' ')}`];
  };
  return {
    watchdogMs: watchdogPeriod(environment, pid),
    ready: (status) => channel?.send(['READY=1', ...statusLine(status)]),
    describe: (status) => {
      if (withoutNumbers(status) !== withoutNumbers(lastStatus)) channel?.send(statusLine(status));
    },
    alive: (status) => channel?.send(['WATCHDOG=1', ...statusLine(status)]),
    // systemd ≥ 253 takes RELOADING=1 of a Type=notify-reload unit only with the time.
    reloading: () => channel?.send(['RELOADING=1', `MONOTONIC_USEC=${means.monotonicUs()}`]),
    stopping: () => channel?.send(['STOPPING=1', ...statusLine('stopping')]),
    flush: async () => channel?.flush(),
  };
}

function withoutNumbers(status: string): string {
  return status.replace(/[\d,]+/g, '');
}

/** WATCHDOG_PID names another process where a wrapper was started and hands its environment on. */
function watchdogPeriod(environment: Environment, pid: number): number | null {
  const periodMs = Number(environment['WATCHDOG_USEC']) / 1000;
  const watchedPid = environment['WATCHDOG_PID'] ?? String(pid);
  return periodMs > 0 && watchedPid === String(pid) ? periodMs : null;
}

interface Channel {
  send(assignments: readonly string[]): void;
  flush(): Promise<void> | undefined;
}

class DescriptorChannel implements Channel {
  readonly #fd: number;
  readonly #means: NotifyMeans;
  #onLost: ((message: string) => void) | undefined;

  constructor(fd: number, means: NotifyMeans, onLost: (message: string) => void) {
    this.#fd = fd;
    this.#means = means;
    this.#onLost = onLost;
  }

  send(assignments: readonly string[]): void {
    try {
      this.#means.write(this.#fd, assignments.join('\n'));
    } catch (error) {
      this.#onLost?.(error instanceof Error ? error.message : String(error));
      this.#onLost = undefined;
    }
  }

  flush(): undefined {}
}

function createChildChannel(environment: Environment, means: NotifyMeans, onLost: (message: string) => void): Channel | undefined {
  return (environment['NOTIFY_SOCKET'] ?? '') === '' ? undefined : new ChildChannel(means, onLost);
}

/** One child at a time, in the order of `send`. Messages of the same kind that wait are sent once, as the last of them has it. */
class ChildChannel implements Channel {
  readonly #means: NotifyMeans;
  #onLost: ((message: string) => void) | undefined;
  #waiting: (readonly string[])[] = [];
  #isRunning = false;
  #onIdle: (() => void)[] = [];

  constructor(means: NotifyMeans, onLost: (message: string) => void) {
    this.#means = means;
    this.#onLost = onLost;
  }

  send(assignments: readonly string[]): void {
    const kind = kindOf(assignments);
    const last = this.#waiting.at(-1);
    // Only the neighbour: RELOADING, READY, RELOADING must stay three.
    if (last !== undefined && kindOf(last) === kind) this.#waiting.pop();
    this.#waiting.push(assignments);
    if (!this.#isRunning) this.#runNext();
  }

  flush(): Promise<void> | undefined {
    if (!this.#isRunning) return undefined;
    return new Promise((resolve) => {
      const timeout = setTimeout(resolve, FLUSH_MS);
      this.#onIdle.push(() => {
        clearTimeout(timeout);
        resolve();
      });
    });
  }

  #runNext(): void {
    const assignments = this.#waiting.shift();
    this.#isRunning = assignments !== undefined;
    if (assignments === undefined) {
      for (const onIdle of this.#onIdle.splice(0)) onIdle();
      return;
    }
    this.#means.run(assignments, (failure) => {
      if (failure !== undefined) {
        this.#onLost?.(failure);
        this.#onLost = undefined;
      }
      this.#runNext();
    });
  }
}

/** `READY`, `WATCHDOG`, `STATUS`, … */
function kindOf(assignments: readonly string[]): string | undefined {
  return assignments[0]?.split('=')[0];
}
