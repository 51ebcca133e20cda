/**
 * Signals in, decisions out: SIGTERM or SIGINT asks to stop (an AbortSignal, and from then on a deadline), a second one or the deadline
 * ends the process at once, SIGHUP asks to read rules again.
 *
 * The process, the clock and the exit are parameters, so that a test can play all of it. Signals that come while nobody listens any
 * more (after `close`) do what they do by default.
 */
import type { Clock, Timer } from './clock.ts';

/** Those that ask to stop. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

/** The part of `process` that is used. */
export interface SignalSource {
  on(signal: StopSignal | 'SIGHUP', listener: () => void): unknown;
  off(signal: StopSignal | 'SIGHUP', listener: () => void): unknown;
}

export interface ShutdownOptions {
  readonly process: SignalSource;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  /** How long a stop may take. Below systemd's TimeoutStopSec, or systemd kills first and nothing is said. */
  readonly deadlineMs: number;
  /** The first stop signal came. */
  onStop?(signal: StopSignal): void;
  /** SIGHUP came, and nobody has asked to stop. */
  onReload(): void;
  /** The stop took too long or was asked for twice: ends the process now. */
  onForce(reason: 'second_signal' | 'deadline', waitedMs: number): void;
}

export interface Shutdown {
  /** Aborted at the first stop signal; `reason` is the signal's name. */
  readonly signal: AbortSignal;
  /** Listens no more and forgets the deadline: everything has stopped. */
  close(): void;
}

/** Listens from now on. */
export function watchSignals(options: ShutdownOptions): Shutdown {
  const { process, clock, deadlineMs } = options;
  if (!(deadlineMs > 0)) throw new RangeError(`watchSignals: deadlineMs is ${deadlineMs}, expected more than 0`);
  const controller = new AbortController();
  let deadline: Timer | undefined;
  let askedMs = 0;
  const stop = (signal: StopSignal) => (): void => {
    if (controller.signal.aborted) {
      options.onForce('second_signal', clock.monotonicMs() - askedMs);
      return;
    }
    askedMs = clock.monotonicMs();
    deadline = clock.setTimer(deadlineMs, () => options.onForce('deadline', clock.monotonicMs() - askedMs));
    options.onStop?.(signal);
    controller.abort(signal);
  };
  const listeners = {
    SIGTERM: stop('SIGTERM'),
    SIGINT: stop('SIGINT'),
    SIGHUP: (): void => {
      if (!controller.signal.aborted) options.onReload();
    },
  };
  for (const name of SIGNALS) process.on(name, listeners[name]);
  const close = (): void => {
    deadline?.cancel();
    for (const name of SIGNALS) process.off(name, listeners[name]);
  };
  return { signal: controller.signal, close };
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
