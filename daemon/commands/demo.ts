/**
 * `demo`: plays a real capture into a temporary file, runs the real daemon on it, and shows what it sees, some of its metrics, and the report.
 *
 *     capture → file → startDaemon → facts → lines
 *                           └ /metrics → a few of them;  pipeline → report
 *
 * Needs nothing installed. The file and its folder are gone when the process ends, whatever ends it (but kill -9). Ctrl-C, SIGTERM and a
 * closed terminal end it with 0.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAnalysis } from '../../src/analysis.ts';
import type { WatchEvent } from '../../src/events.ts';
import type { Fact } from '../../src/facts/fact.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import { systemClock } from '../clock.ts';
import { type Config, defaultConfig } from '../config/config.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import { type Checked, formatProblem } from '../config/problem.ts';
import { CAPTURE_TIME_ZONE, type Capture, loadCapture } from '../demo/capture.ts';
import { playCapture, wait } from '../demo/capture-player.ts';
import { formatClockTime, LiveView } from '../demo/live-view.ts';
import { type Daemon, startDaemon } from '../run.ts';
import { watchSignals } from '../shutdown.ts';
import { formatDuration } from './report-times.ts';
import { createStyles } from './styles.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { renderTextReport } from './text-report.ts';

export interface DemoOptions {
  /** As typed: a number above 0. */
  readonly speed: string;
  readonly keepRunning?: boolean;
}

const LOG_NAME = 'homeserver.log';
/** Exporters have their ports, this is ours; where it's taken (the operator's own watcher) any other will do. */
const PORT = 9464;
const ANY_PORT = 0;
/** The last bytes are read within this, in milliseconds of the clock. Usually a third of a second. */
const READ_DEADLINE_MS = 10_000;
const READ_POLL_MS = 20;
const FETCH_DEADLINE_MS = 5_000;
/** A stop may take this long, in milliseconds. Closing takes 2 s at most. */
const STOP_DEADLINE_MS = 10_000;
/** What of /metrics is shown: series that begin so, and aren't 0. */
const SHOWN_METRICS =
  /^lotus_e2ee_(?:otk_conflicts_total|device_otk_conflicts_total|key_uploads_total|key_claims_total|to_device_sends_total|to_device_messages_total|delayed_event_request_duration_seconds_count)\b/;

export async function demoCommand({ speed: typedSpeed, keepRunning = false }: DemoOptions, terminal: Terminal): Promise<number> {
  const speed = parseSpeed(typedSpeed);
  if (speed === null) {
    terminal.err(`Cannot use --speed "${typedSpeed}": not a speed, expected a number above 0 such as 20 or 0.5\n`);
    return EXIT.usage;
  }
  try {
    return await withTempFolder((folder) => withSignals(folder, (signal) => play({ folder, speed, keepRunning, terminal, signal })));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    terminal.err(
      `Cannot play the capture in "${tmpdir()}": ${error.message}, expected a folder with some room to write to (TMPDIR names another)\n`,
    );
    return EXIT.failed;
  }
}

/** '8', '0.5', '.5' → a number above 0; null for anything else. */
function parseSpeed(text: string): number | null {
  const speed = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  return speed > 0 && Number.isFinite(speed) ? speed : null;
}

async function withTempFolder(run: (folder: string) => Promise<number>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'lotus-e2ee-watch-demo-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also where the process is ended from elsewhere: a closed pipe (main.ts), an error that nobody caught.
  process.on('exit', remove);
  try {
    return await run(folder);
  } finally {
    remove();
    process.off('exit', remove);
  }
}

async function withSignals(folder: string, run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const hangUp = new AbortController();
  const shutdown = watchSignals({
    process,
    clock: systemClock,
    deadlineMs: STOP_DEADLINE_MS,
    // Nothing to read again here: SIGHUP means that the terminal was closed.
    onReload: () => hangUp.abort('SIGHUP'),
    onForce: () => {
      rmSync(folder, { recursive: true, force: true });
      process.kill(process.pid, 'SIGKILL');
    },
  });
  try {
    return await run(AbortSignal.any([shutdown.signal, hangUp.signal]));
  } finally {
    shutdown.close();
  }
}

interface Play {
  readonly folder: string;
  readonly speed: number;
  readonly keepRunning: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function play({ folder, speed, keepRunning, terminal, signal }: Play): Promise<number> {
  const capture = loadCapture();
  const path = join(folder, LOG_NAME);
  writeFileSync(path, '');
  const view = new LiveView(terminal, systemClock);
  const started = await startOnSomePort(folder, path, terminal, (fact) => view.take(fact));
  if (!started.ok) {
    terminal.err(`${started.problems.map(formatProblem).join('\n')}\n`);
    return EXIT.config;
  }
  const daemon = started.value;
  try {
    introduce(daemon, capture, path, speed, terminal);
    await watchCapture(daemon, { capture, path, speed, signal }, view);
    if (signal.aborted) terminal.out(`Stopped by ${String(signal.reason)}.\n`);
    else await conclude(daemon, terminal, signal);
    if (keepRunning && !signal.aborted) await serveUntilStopped(daemon, terminal, signal);
  } finally {
    await daemon.stop();
  }
  return EXIT.done;
}

async function startOnSomePort(folder: string, path: string, terminal: Terminal, onFact: (fact: Fact) => void): Promise<Checked<Daemon>> {
  const announce = (event: WatchEvent): void => complain(event, terminal);
  const start = (port: number) => startDaemon({ config: createConfig(folder, path, port), clock: systemClock, announce, onFact });
  const usual = await start(PORT);
  return usual.ok ? usual : start(ANY_PORT);
}

function createConfig(folder: string, path: string, port: number): Config {
  return {
    ...defaultConfig(),
    sources: [{ path, name: LOG_NAME, format: 'auto', timezone: CAPTURE_TIME_ZONE }],
    timezone: CAPTURE_TIME_ZONE,
    stateDirectory: join(folder, 'state'),
    listen: { host: '127.0.0.1', port },
  };
}

/** Of what the daemon announces, what must not be in a demo. */
function complain(event: WatchEvent, terminal: Terminal): void {
  if (event.kind === 'gap_found' || event.kind === 'source_unreadable' || event.kind === 'rules_rejected')
    terminal.err(`${JSON.stringify(event)}\n`);
}

function introduce(daemon: Daemon, { durationMs }: Capture, path: string, speed: number, terminal: Terminal): void {
  const { heading, quiet } = createStyles(terminal.usesColour);
  const url = urlOf(daemon);
  terminal.out(
    `${[
      heading('lotus-e2ee-watch, demo'),
      `  status page  ${url}`,
      `  metrics      ${url}metrics`,
      `  log          ${path}`,
      `  capture      ${formatDuration(durationMs)} of Synapse 1.155 and a call of real clients (users are made up),`,
      `               played ${speed.toLocaleString('en-US')} times as fast: ${formatDuration(durationMs / speed)}; Ctrl-C ends it`,
      '',
      quiet('log time  what the watcher sees'),
    ].join('\n')}\n`,
  );
}

function urlOf({ address }: Daemon): string {
  return `http://${formatListenAddress(address)}/`;
}

type Playing = Pick<Parameters<typeof playCapture>[0], 'capture' | 'path' | 'speed' | 'signal'>;

/** Until the last record has been read, or the signal says so. */
async function watchCapture(daemon: Daemon, playing: Playing, view: LiveView): Promise<void> {
  const { capture, signal } = playing;
  const source = sourceOf(daemon);
  const tick = (afterMs: number): void => view.tick(describeStatus(source, capture, afterMs));
  await playCapture({ ...playing, clock: systemClock, onProgress: tick });
  const deadlineMs = systemClock.monotonicMs() + READ_DEADLINE_MS;
  while (source.counts.bytes < capture.bytes.length && systemClock.monotonicMs() < deadlineMs && !signal.aborted) {
    await wait(systemClock, READ_POLL_MS, signal);
    tick(capture.durationMs);
  }
  if (!signal.aborted) daemon.pipeline.end();
  view.end();
}

/** The only one there is. */
function sourceOf({ pipeline }: Daemon): SourceStream {
  const [source] = pipeline.sources;
  if (source === undefined) throw new TypeError('Cannot watch the capture: the daemon has no source');
  return source;
}

/** `16:55:20 of 16:57:30, 500 records read, 220 requests` */
function describeStatus({ counts }: SourceStream, { startMs, durationMs }: Capture, afterMs: number): string {
  const times = `${formatClockTime(startMs + afterMs)} of ${formatClockTime(startMs + durationMs)}`;
  return `${times}, ${counts.records.toLocaleString('en-US')} records read, ${counts.accessLines.toLocaleString('en-US')} requests`;
}

async function conclude(daemon: Daemon, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { heading } = createStyles(terminal.usesColour);
  const { usesColour, columns } = terminal;
  terminal.out(`\n${heading('What Prometheus would scrape now, some of it')}\n${await fetchMetrics(daemon, signal)}`);
  if (signal.aborted) return;
  const analysis = createAnalysis(daemon.pipeline, [{ path: LOG_NAME, stream: sourceOf(daemon), gaps: [] }]);
  const report = renderTextReport(analysis, { timeZone: CAPTURE_TIME_ZONE, usesColour, columns });
  terminal.out(`\n${report}\nYour own log: lotus-e2ee-watch analyze FILE… reads it once, lotus-e2ee-watch run watches it.\n`);
}

/** Lines as they come over HTTP; a sentence where they don't. */
async function fetchMetrics(daemon: Daemon, signal: AbortSignal): Promise<string> {
  const url = `${urlOf(daemon)}metrics`;
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_DEADLINE_MS)]) });
    const body = await response.text();
    if (!response.ok) return `  ${url} answers ${response.status}: ${body}`;
    const lines = body.split('\n').filter((line) => SHOWN_METRICS.test(line) && !line.endsWith(' 0'));
    return lines.map((line) => `  ${line}\n`).join('');
  } catch (error) {
    return `  ${url} can't be read: ${error instanceof Error ? error.message : String(error)}\n`;
  }
}

async function serveUntilStopped(daemon: Daemon, terminal: Terminal, signal: AbortSignal): Promise<void> {
  terminal.out(`Still serving ${urlOf(daemon)}; Ctrl-C ends it.\n`);
  // The server keeps the process alive.
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
