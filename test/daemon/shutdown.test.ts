import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Shutdown, type SignalSource, watchSignals } from '../../daemon/shutdown.ts';

interface Played {
  readonly process: EventEmitter & SignalSource;
  readonly shutdown: Shutdown;
  /** What was decided, in order. */
  readonly said: string[];
  advance(byMs: number): void;
}

function played(deadlineMs = 5000): Played {
  const process = new EventEmitter();
  const said: string[] = [];
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  let nowMs = 1000;
  const shutdown = watchSignals({
    process,
    clock: {
      monotonicMs: () => nowMs,
      setTimer: (afterMs, run) => {
        const timer = { atMs: nowMs + afterMs, run };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
    },
    deadlineMs,
    onStop: (signal) => said.push(`stop ${signal}`),
    onReload: () => said.push('reload'),
    onForce: (reason, waitedMs) => said.push(`force ${reason} ${waitedMs}`),
  });
  const advance = (byMs: number): void => {
    nowMs += byMs;
    for (const timer of timers) {
      if (timer.atMs > nowMs) continue;
      timers.delete(timer);
      timer.run();
    }
  };
  return { process, shutdown, said, advance };
}

describe('signals', () => {
  it.each(['SIGTERM', 'SIGINT'])('%s asks to stop, once', (name) => {
    const { process, shutdown, said } = played();
    expect(shutdown.signal.aborted).toBe(false);
    process.emit(name);
    expect(shutdown.signal.aborted).toBe(true);
    expect(shutdown.signal.reason).toBe(name);
    expect(said).toEqual([`stop ${name}`]);
  });

  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ])('%s, then %s ends the process at once', (first, second) => {
    const { process, said, advance } = played();
    process.emit(first);
    advance(700);
    process.emit(second);
    expect(said).toEqual([`stop ${first}`, 'force second_signal 700']);
  });

  it('leave a stop its time, and end the process when that is over', () => {
    const { process, said, advance } = played(5000);
    process.emit('SIGTERM');
    advance(4999);
    expect(said).toEqual(['stop SIGTERM']);
    advance(1);
    expect(said).toEqual(['stop SIGTERM', 'force deadline 5000']);
  });

  it('start no deadline before somebody asks to stop', () => {
    const { said, advance } = played();
    advance(1_000_000);
    expect(said).toEqual([]);
  });

  it('SIGHUP asks for a reload, each time, until somebody asks to stop', () => {
    const { process, shutdown, said } = played();
    process.emit('SIGHUP');
    process.emit('SIGHUP');
    expect(shutdown.signal.aborted).toBe(false);
    process.emit('SIGTERM');
    process.emit('SIGHUP');
    expect(said).toEqual(['reload', 'reload', 'stop SIGTERM']);
  });

  it('are left alone, the deadline too, when everything has stopped', () => {
    const { process, shutdown, said, advance } = played();
    process.emit('SIGTERM');
    shutdown.close();
    advance(1_000_000);
    expect(said).toEqual(['stop SIGTERM']);
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) expect(process.listenerCount(name)).toBe(0);
  });

  it('need a deadline', () => {
    expect(() => played(0)).toThrow('watchSignals: deadlineMs is 0, expected more than 0');
  });
});
