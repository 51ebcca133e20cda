/**
 * A history that a Prometheus would have recorded while captures were being written: the real daemon follows a file into which a capture is
 * written step by step, and is scraped over HTTP at each step. All captures begin at the same time, each on an instance of its own.
 *
 * In: captures. Out: OpenMetrics text with timestamps, for `promtool tsdb create-blocks-from openmetrics`. Invariant: every sample of the
 * watcher stands in an answer of /metrics as it is; only job, instance and time are added, as a scrape does. What Prometheus adds to a scrape
 * by itself (up, scrape_…) is added here.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../daemon/clock.ts';
import { type Config, defaultConfig } from '../../../daemon/config/config.ts';
import { formatListenAddress } from '../../../daemon/config/listen-address.ts';
import { type Capture, parseCapture } from '../../../daemon/demo/capture.ts';
import { type Daemon, startDaemon } from '../../../daemon/run.ts';
import { movedTo } from '../../testbench/moved-capture.ts';

export interface RecordedCapture {
  /** Value of `instance`. */
  readonly name: string;
  readonly capture: Capture;
}

/** Log time between two scrapes, in milliseconds. Shorter than in production: captures are minutes long. */
export const STEP_MS = 5_000;

export const WATCHER_JOB = 'lotus-e2ee-watch';
export const SYNAPSE_JOB = 'synapse';
export const SERVER_NAME = 'matrix.example.org';

/** Steps before a capture begins: counters have to be seen at 0. */
const QUIET_STEPS = 4;
/** A step is read within this, of the machine's clock. Usually some milliseconds. */
const READ_DEADLINE_MS = 20_000;
const READ_POLL_MS = 2;

/** A capture of the corpus. Error where it isn't there. */
export function readCapture(corpus: string, name: string): RecordedCapture {
  return { name, capture: parseCapture(readFileSync(join(corpus, name, 'homeserver.log'))) };
}

/** Samples of all captures, ordered by capture and time. `startMs`: time of the first scrape. */
export async function recordHistory(captures: readonly RecordedCapture[], startMs: number, folder: string): Promise<string> {
  const parts: string[] = [];
  for (const { name, capture } of captures) parts.push(await recordCapture(name, capture, startMs, join(folder, name)));
  return parts.join('');
}

/** Steps that the longest of them takes, quiet ones included. */
export function stepCount(captures: readonly RecordedCapture[]): number {
  return QUIET_STEPS + 1 + Math.ceil(Math.max(...captures.map(({ capture }) => capture.durationMs)) / STEP_MS);
}

async function recordCapture(name: string, capture: Capture, startMs: number, folder: string): Promise<string> {
  const { bytes, records, durationMs } = movedTo(capture, startMs + QUIET_STEPS * STEP_MS);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'homeserver.log');
  writeFileSync(path, '');
  const started = await startDaemon({ config: createConfig(folder, path), clock: systemClock, announce: () => undefined });
  if (!started.ok) throw new Error(`Cannot record "${name}": ${JSON.stringify(started.problems)}`);
  const daemon = started.value;
  const scrapes: string[] = [];
  try {
    await untilTrue(name, () => daemon.isCaughtUp);
    let written = 0;
    const steps = QUIET_STEPS + 1 + Math.ceil(durationMs / STEP_MS);
    for (let step = 0; step < steps; step++) {
      const playedMs = (step - QUIET_STEPS) * STEP_MS;
      const end = records.findLast(({ afterMs }) => afterMs <= playedMs)?.endByte ?? 0;
      if (end > written) appendFileSync(path, bytes.subarray(written, end));
      written = Math.max(written, end);
      await untilTrue(name, () => daemon.pipeline.sources[0]?.counts.bytes === written);
      scrapes.push(await scrape(daemon, name, startMs + step * STEP_MS));
    }
  } finally {
    await daemon.stop();
  }
  return scrapes.join('');
}

function createConfig(folder: string, path: string): Config {
  return {
    ...defaultConfig(),
    sources: [{ path, name: 'homeserver.log', format: 'auto', timezone: 'UTC' }],
    timezone: 'UTC',
    stateDirectory: join(folder, 'state'),
    listen: { host: '127.0.0.1', port: 0 },
  };
}

async function untilTrue(name: string, isSo: () => boolean): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + READ_DEADLINE_MS;
  while (!isSo()) {
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`Cannot record "${name}": the daemon does not read on`);
    await sleep(READ_POLL_MS);
  }
}

// lotus_e2ee_devices{state="storm"} 1
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;

async function scrape({ address }: Daemon, instance: string, timeMs: number): Promise<string> {
  const beganMs = systemClock.monotonicMs();
  const response = await fetch(`http://${formatListenAddress(address)}/metrics`);
  const body = await response.text();
  if (!response.ok) throw new Error(`Cannot scrape "${instance}": ${response.status} ${body}`);
  const seconds = (systemClock.monotonicMs() - beganMs) / 1000;
  const target = `job="${WATCHER_JOB}",instance="${instance}",server_name="${SERVER_NAME}"`;
  const time = timeMs / 1000;
  const samples = body.split('\n').flatMap((line) => {
    const [, name, labels, value] = SAMPLE.exec(line) ?? [];
    return name === undefined ? [] : [`${name}{${labels === undefined ? '' : `${labels},`}${target}} ${value} ${time}\n`];
  });
  const own = [
    `up{${target}} 1 ${time}\n`,
    `scrape_duration_seconds{${target}} ${seconds} ${time}\n`,
    `scrape_samples_scraped{${target}} ${samples.length} ${time}\n`,
  ];
  return [...samples, ...own].join('');
}

/**
 * Synapse's own metrics over the same time: not from a capture (Synapse doesn't write them to its log), but of the shape its Python client
 * gives them: names with `_total`, the client's default buckets, the labels of synapse/http/request_metrics.py and storage/database.py.
 */
export function synapseHistory(startMs: number, steps: number): string {
  const lines: string[] = [];
  const add = (name: string, labels: string, value: number, step: number): void => {
    lines.push(
      `${name}{${labels}${labels === '' ? '' : ','}job="${SYNAPSE_JOB}",instance="synapse:9000"} ${value} ${(startMs + step * STEP_MS) / 1000}\n`,
    );
  };
  const server = `server_name="${SERVER_NAME}"`;
  for (let step = 0; step < steps; step++) {
    for (const [servlet, code] of [
      ['KeyUploadServlet', '400'],
      ['SendToDeviceRestServlet', '200'],
      ['RestartDelayedEventServlet', '200'],
      ['SyncRestServlet', '200'],
    ] as const) {
      const labels = `${server},method="POST",servlet="${servlet}",tag="",code="${code}"`;
      addHistogram(add, 'synapse_http_server_response_time_seconds', labels, PYTHON_BUCKETS, step);
      add('synapse_http_server_requests_received_total', `${server},method="POST",servlet="${servlet}"`, step * 10, step);
    }
    addHistogram(add, 'synapse_storage_query_time', `${server},verb="SELECT"`, PYTHON_BUCKETS, step);
    addHistogram(add, 'synapse_storage_schedule_time', server, PYTHON_BUCKETS, step);
    addHistogram(add, 'python_twisted_reactor_tick_time', '', REACTOR_BUCKETS, step);
    add('synapse_event_persisted_position', server, 100 + step, step);
    for (const name of ['delayed_events', 'federation_sender'])
      add('synapse_event_processing_positions', `${server},name="${name}"`, 99 + step, step);
    add('synapse_build_info', 'version="1.155.0",pythonversion="3.11",osversion="Linux"', 1, step);
    add('synapse_server_name_info', server, 1, step);
  }
  return lines.join('');
}

/** prometheus_client/metrics.py, Histogram.DEFAULT_BUCKETS. */
const PYTHON_BUCKETS = [
  '0.005',
  '0.01',
  '0.025',
  '0.05',
  '0.075',
  '0.1',
  '0.25',
  '0.5',
  '0.75',
  '1.0',
  '2.5',
  '5.0',
  '7.5',
  '10.0',
  '+Inf',
];
/** synapse/metrics/_reactor_metrics.py */
const REACTOR_BUCKETS = ['0.001', '0.002', '0.005', '0.01', '0.025', '0.05', '0.1', '0.2', '0.5', '1.0', '2.0', '5.0', '+Inf'];

/** Ten observations a step, half of them slower than a tenth of a second. */
function addHistogram(
  add: (name: string, labels: string, value: number, step: number) => void,
  name: string,
  labels: string,
  buckets: readonly string[],
  step: number,
): void {
  for (const le of buckets)
    add(`${name}_bucket`, `${labels}${labels === '' ? '' : ','}le="${le}"`, step * (Number(le) < 0.1 ? 5 : 10), step);
  add(`${name}_sum`, labels, step * 2, step);
  add(`${name}_count`, labels, step * 10, step);
}
