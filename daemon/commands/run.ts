/**
 * `run`: configuration → daemon → exit code. Runs until SIGTERM or SIGINT (exit 0); SIGHUP reads the rules again and checks the
 * configuration. A wrong configuration, wrong rules, or an address that can't be had end it at once, with everything that is wrong on
 * standard error.
 */
import { setFlagsFromString } from 'node:v8';
import { systemClock } from '../clock.ts';
import { type Config, defaultConfig } from '../config/config.ts';
import { type Checked, formatProblem } from '../config/problem.ts';
import { createLogger } from '../logger.ts';
import { createObserver, type Observer } from '../observer.ts';
import { type Daemon, LISTEN, startDaemon } from '../run.ts';
import { watchSignals } from '../shutdown.ts';
import { STATE } from '../state/open-state.ts';
import { VERSION } from '../version.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface RunOptions {
  readonly config?: string;
}

/** A stop may take this long, in milliseconds; systemd's TimeoutStopSec is 90 s. Chosen: closing takes 2 s at most. */
const STOP_DEADLINE_MS = 10_000;
/** How often the observer says what it kept back, in milliseconds. */
const OBSERVER_TICK_MS = 5_000;

export async function runCommand({ config: configPath }: RunOptions, terminal: Terminal): Promise<number> {
  // The young generation stays at 2 MiB instead of growing to 32: a follower makes little garbage, and sits beside Synapse for months.
  setFlagsFromString('--semi-space-growth-factor=1');
  const config = await readConfig(configPath);
  if (!config.ok) return fail(config, terminal);
  const logger = createLogger({ level: config.value.log.level, clock: systemClock });
  const observer = createObserver({ logger, clock: systemClock, identifiers: config.value.identifiers });
  observer.announce({ kind: 'daemon_started', version: VERSION, configPath: configPath ?? null });
  warnOfExposure(config.value, observer);
  const started = await startDaemon({ config: config.value, clock: systemClock, announce: (event) => observer.announce(event) });
  if (!started.ok) return fail(started, terminal);
  await runUntilStopped(started.value, observer, configPath);
  observer.announce({ kind: 'daemon_stopped' });
  observer.tick();
  return EXIT.done;
}

async function runUntilStopped(daemon: Daemon, observer: Observer, configPath: string | undefined): Promise<void> {
  const shutdown = watchSignals({
    process,
    clock: systemClock,
    deadlineMs: STOP_DEADLINE_MS,
    onStop: (signal) => observer.announce({ kind: 'stop_requested', signal }),
    onReload: () => void reload(daemon, observer, configPath),
    onForce: (reason, waitedMs) => {
      observer.announce({ kind: 'stop_forced', reason, waitedMs });
      process.kill(process.pid, 'SIGKILL');
    },
  });
  const ticking = setInterval(() => observer.tick(), OBSERVER_TICK_MS);
  ticking.unref();
  await new Promise<void>((resolve) => {
    shutdown.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(ticking);
  await daemon.stop();
  shutdown.close();
}

/** The configuration's own changes take a restart; that it would be refused then is said now. */
async function reload(daemon: Daemon, observer: Observer, configPath: string | undefined): Promise<void> {
  const config = await readConfig(configPath);
  if (!config.ok) observer.announce({ kind: 'config_rejected', problems: config.problems.map(formatProblem) });
  await daemon.reload(config.ok);
}

async function readConfig(path: string | undefined): Promise<Checked<Config>> {
  if (path === undefined) return { ok: true, value: defaultConfig() };
  const { loadConfigFile } = await import('../config/load-config.ts');
  return loadConfigFile(path);
}

function warnOfExposure({ listen: { host } }: Config, observer: Observer): void {
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  if (!isLoopback) observer.announce({ kind: 'server_exposed', host });
}

function fail({ problems }: { readonly problems: readonly Parameters<typeof formatProblem>[0][] }, terminal: Terminal): number {
  terminal.err(`${problems.map(formatProblem).join('\n')}\n`);
  // An address or a state that is taken may be free in a moment: systemd shall try again.
  return problems.every(({ path }) => path === LISTEN || path === STATE) ? EXIT.failed : EXIT.config;
}
