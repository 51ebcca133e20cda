/**
 * `run`: configuration → daemon → exit code. Runs until SIGTERM or SIGINT (exit 0); SIGHUP reads the rules again and checks the
 * configuration. A wrong configuration, wrong rules, or an address that can't be had end it at once, with everything that is wrong on
 * standard error.
 */
import { setFlagsFromString } from 'node:v8';
import { systemClock } from '../clock.ts';
import { type Config, defaultConfig, STANDARD_INPUT_PATH, standardInputSource } from '../config/config.ts';
import { type Checked, formatProblem } from '../config/problem.ts';
import { type ProgramLine, readConfigApart } from '../config/read-config-apart.ts';
import { createLogger } from '../logger.ts';
import { createObserver, type Observer } from '../observer.ts';
import { type Daemon, LISTEN, startDaemon } from '../run.ts';
import { watchSignals } from '../shutdown.ts';
import { STATE } from '../state/open-state.ts';
import { createServiceManager, type Environment, inheritedDescriptor, type ServiceManager } from '../systemd/service-manager.ts';
import { describeService } from '../systemd/status-line.ts';
import { startWatchdog } from '../systemd/watchdog.ts';
import { VERSION } from '../version.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface RunOptions {
  readonly config?: string;
}

export interface RunSurroundings {
  readonly environment: Environment;
  /** This program's, as in `process.argv`. */
  readonly script: string;
}

/** A stop may take this long, in milliseconds; the unit's TimeoutStopSec is 20 s. Chosen: closing takes 2 s at most. */
const STOP_DEADLINE_MS = 10_000;
/** How often the observer says what it kept back, in milliseconds. */
const OBSERVER_TICK_MS = 5_000;
/** When the state is told again after the start, in milliseconds. */
const FIRST_DESCRIPTION_MS = 500;
/** Name of the socket that may be handed over (FileDescriptorName= of lotus-e2ee-watch.socket). */
const HTTP_DESCRIPTOR = 'http';

/** @param source `-`: standard input, in place of the configured sources */
export async function runCommand(
  source: string | undefined,
  { config: configPath }: RunOptions,
  terminal: Terminal,
  { environment, script }: RunSurroundings,
): Promise<number> {
  if (source !== undefined && source !== STANDARD_INPUT_PATH) {
    terminal.err(`Cannot run on "${source}": expected - for standard input; files are named in the configuration\n`);
    return EXIT.usage;
  }
  // The young generation stays at 2 MiB instead of growing to 32: a follower makes little garbage, and sits beside Synapse for months.
  setFlagsFromString('--semi-space-growth-factor=1');
  const program: ProgramLine = [process.execPath, ...process.execArgv, script];
  const config = await readConfig(program, configPath, source);
  if (!config.ok) return fail(config, terminal);
  const logger = createLogger({ level: config.value.log.level, clock: systemClock });
  const observer = createObserver({ logger, clock: systemClock, identifiers: config.value.identifiers });
  observer.announce({ kind: 'daemon_started', version: VERSION, configPath: configPath ?? null });
  warnOfExposure(config.value, observer);
  const listenDescriptor = inheritedDescriptor(HTTP_DESCRIPTOR, environment, process.pid);
  const started = await startDaemon({
    config: config.value,
    clock: systemClock,
    announce: (event) => observer.announce(event),
    ...(listenDescriptor === undefined ? {} : { listenDescriptor }),
  });
  if (!started.ok) return fail(started, terminal);
  const manager = createServiceManager({
    environment,
    pid: process.pid,
    onLost: (message) => observer.announce({ kind: 'service_manager_lost', message }),
  });
  await runUntilStopped({ daemon: started.value, observer, manager, config: config.value, configPath, program });
  observer.announce({ kind: 'daemon_stopped' });
  observer.tick();
  return EXIT.done;
}

interface Running {
  readonly daemon: Daemon;
  readonly observer: Observer;
  readonly manager: ServiceManager;
  readonly config: Config;
  readonly configPath: string | undefined;
  readonly program: ProgramLine;
}

async function runUntilStopped(running: Running): Promise<void> {
  const { daemon, observer, manager, config } = running;
  const shutdown = watchSignals({
    process,
    clock: systemClock,
    deadlineMs: STOP_DEADLINE_MS,
    onStop: (signal) => observer.announce({ kind: 'stop_requested', signal }),
    onReload: () => void reload(running),
    onForce: (reason, waitedMs) => {
      observer.announce({ kind: 'stop_forced', reason, waitedMs });
      process.kill(process.pid, 'SIGKILL');
    },
  });
  const describe = (): string => describeService(daemon.status());
  const watchdog =
    manager.watchdogMs === null
      ? null
      : startWatchdog({
          clock: systemClock,
          periodMs: manager.watchdogMs,
          lastLooksMs: () => daemon.lastLooksMs,
          longestPauseMs: config.follow.pollIntervalMs,
          onAlive: () => manager.alive(describe()),
        });
  manager.ready(describe());
  // A short log is read by then; what is said at `ready` would stay for a whole tick.
  const first = systemClock.setTimer(FIRST_DESCRIPTION_MS, () => manager.describe(describe()));
  const ticking = setInterval(() => {
    observer.tick();
    manager.describe(describe());
  }, OBSERVER_TICK_MS);
  ticking.unref();
  await new Promise<void>((resolve) => {
    shutdown.signal.addEventListener('abort', () => resolve(), { once: true });
    // Nothing is left to watch, and nothing will come.
    daemon.isOver.then(resolve, resolve);
  });
  clearInterval(ticking);
  first.cancel();
  watchdog?.stop();
  manager.stopping();
  await daemon.stop();
  await manager.flush();
  shutdown.close();
}

/** The configuration's own changes take a restart; that it would be refused then is said now. */
async function reload({ daemon, observer, manager, configPath, program }: Running): Promise<void> {
  manager.reloading();
  const config = await readConfig(program, configPath);
  if (!config.ok) observer.announce({ kind: 'config_rejected', problems: config.problems.map(formatProblem) });
  await daemon.reload(config.ok);
  manager.ready(describeService(daemon.status()));
}

async function readConfig(program: ProgramLine, path: string | undefined, source?: string): Promise<Checked<Config>> {
  const config = path === undefined ? ({ ok: true, value: defaultConfig() } as const) : await readConfigApart(path, program);
  if (!config.ok || source === undefined) return config;
  return { ok: true, value: { ...config.value, sources: [standardInputSource(config.value.timezone)] } };
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
