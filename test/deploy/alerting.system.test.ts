// The whole way, with the real parts: Debian's Prometheus scrapes a real `run` that follows a file into which a real capture is written;
// its rules fire; Debian's Alertmanager mutes what it should and notifies a receiver on loopback; and all resolves.
//
// Time: the capture's stamps are moved to now. Storms are decided on log time, so the test decides how far log time is: it writes the log up
// to a point, and waits there. Scrapes and evaluations come each second, and `for` and `keep_firing_for` of the rules are a sixtieth (a minute
// is a second); everything else of the rules, and of the Alertmanager's configuration but its waiting times, is as shipped.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Capture, loadCapture } from '../../daemon/demo/capture.ts';
import { reasonToSkip } from '../daemon/http/debian-binary.ts';
import {
  askPrometheus,
  freePort,
  type Notification,
  type RunningServer,
  startAlertmanager,
  startPrometheus,
  startReceiver,
  until,
} from '../testbench/debian-servers.ts';
import { movedTo } from '../testbench/moved-capture.ts';
import { DEPLOY } from './known-metrics.ts';

const ROOT = join(DEPLOY, '..');
const skipped = reasonToSkip('prometheus', 'prometheus') || reasonToSkip('prometheus-alertmanager', 'prometheus-alertmanager');
/** Chosen: a loaded machine; each of these waits is over in a few seconds otherwise. */
const DEADLINE_MS = 60_000;

/** Who storms in the bundled capture, and why (known from its driver, daemon/demo/capture/README.md). */
const STORM = { user_id: '@rosa:matrix.example.org', device_id: 'MSLNKEIKTS', cause: 'identity_reset' };
/** Log time within which the alert has to fire, from the device's first refusal on. */
const STORM_DEADLINE_MS = 90_000;

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
}

describe.skipIf(skipped !== '')(`alerting${skipped && ` (skipped: ${skipped})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lotus-alerting-'));
  const log = join(folder, 'homeserver.log');
  const capture = movedTo(loadCapture(), Date.now());
  let writtenBytes = 0;
  let watcherPort = 0;
  let watcher: ChildProcess;
  let prometheus: RunningServer;
  let alertmanager: RunningServer;
  let receiver: RunningServer & { readonly notifications: readonly Notification[] };

  beforeAll(async () => {
    receiver = await startReceiver();
    alertmanager = await startAlertmanager(writeAlertmanagerConfig(folder, receiver.url), join(folder, 'alertmanager'));
    watcherPort = await freePort();
    writeFileSync(log, '');
    const config = join(folder, 'config.yml');
    writeFileSync(
      config,
      `sources: [{path: ${log}}]\nstate_directory: ${join(folder, 'state')}\nlisten: 127.0.0.1:${watcherPort}\ntimezone: UTC\n`,
    );
    watcher = spawn('node_modules/.bin/node', ['daemon/main.ts', 'run', '--config', config], { cwd: ROOT, stdio: 'ignore' });
    prometheus = await startPrometheus({
      configFile: writePrometheusConfig(folder, watcherPort, alertmanager.url),
      dataFolder: join(folder, 'prometheus'),
    });
    // Counters have to be seen at 0 before anything is counted.
    await until(
      'Prometheus has scraped the watcher',
      DEADLINE_MS,
      async () => (await query('lotus_e2ee_poisoned_claims_total offset 2s')).length === 1,
      prometheus.log,
    );
  }, 90_000);

  afterAll(async () => {
    if (watcher?.exitCode === null) await stop(watcher);
    await prometheus?.stop();
    await alertmanager?.stop();
    await receiver?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function query(expression: string): Promise<readonly unknown[]> {
    return (await askPrometheus<{ readonly result: readonly unknown[] }>(prometheus, 'query', { query: expression })).result;
  }

  async function firing(name: string): Promise<readonly Alert[]> {
    const response = await fetch(`${prometheus.url}/api/v1/alerts`);
    const { data } = (await response.json()) as { readonly data: { readonly alerts: readonly Alert[] } };
    return data.alerts.filter(({ labels, state }) => labels['alertname'] === name && state === 'firing');
  }

  /** Whether Alertmanager has it and mutes it; undefined where it doesn't have it. */
  async function isMuted(name: string): Promise<boolean | undefined> {
    const alerts = (await (await fetch(`${alertmanager.url}/api/v2/alerts`)).json()) as readonly {
      labels: Record<string, string>;
      status: { inhibitedBy: readonly string[] };
    }[];
    const found = alerts.find(({ labels }) => labels['alertname'] === name);
    return found && found.status.inhibitedBy.length > 0;
  }

  function told(path: string, name: string, status: 'firing' | 'resolved'): Notification['alerts'] {
    const alerts = receiver.notifications.filter((each) => each.path === path).flatMap((each) => each.alerts);
    return alerts.filter((alert) => alert.labels['alertname'] === name && alert.status === status);
  }

  /** Writes the log as far as log time `afterMs` from its beginning. */
  function writeUntil(afterMs: number): void {
    const end = capture.records.findLast((record) => record.afterMs <= afterMs)?.endByte ?? 0;
    appendFileSync(log, capture.bytes.subarray(writtenBytes, end));
    writtenBytes = end;
  }

  it('promtool has no remark on what the watcher exposes', async () => {
    const input = await (await fetch(`http://127.0.0.1:${watcherPort}/metrics`)).text();
    expect(input).toContain('lotus_e2ee_active_storms{');
    expect(spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('a storm fires within 90 s of log time, and names device and cause', async () => {
    writeUntil(firstRefusalMs(capture) + STORM_DEADLINE_MS);
    // The cause may be found after the storm: both are within these 90 s, log time stands still now.
    await until(
      'the storm alert fires',
      DEADLINE_MS,
      async () => (await firing('LotusE2EEOtkConflictStorm')).some(({ labels }) => labels['cause'] === STORM.cause),
      prometheus.log,
    );
    const [alert, ...others] = await firing('LotusE2EEOtkConflictStorm');
    expect(others).toEqual([]);
    expect(alert?.labels).toMatchObject({ ...STORM, severity: 'critical', ke: 'KE-1', server_name: 'example.org' });
    for (const word of Object.values(STORM)) expect(alert?.annotations['description']).toContain(word);
  });

  it('the receiver is told of it', async () => {
    await until(
      'the notification',
      DEADLINE_MS,
      () => told('/critical', 'LotusE2EEOtkConflictStorm', 'firing').length > 0,
      alertmanager.log,
    );
    expect(told('/critical', 'LotusE2EEOtkConflictStorm', 'firing')[0]?.labels).toMatchObject(STORM);
  });

  it('keys that were handed out meanwhile have their alert, which the storm mutes', async () => {
    await until(
      'the alert of poisoned claims',
      DEADLINE_MS,
      async () => (await isMuted('LotusE2EEPoisonedClaims')) !== undefined,
      prometheus.log,
    );
    expect(await isMuted('LotusE2EEPoisonedClaims')).toBe(true);
    expect(await isMuted('LotusE2EEOtkConflictStorm')).toBe(false);
    expect(told('/warning', 'LotusE2EEPoisonedClaims', 'firing')).toEqual([]);
  });

  it('the storm resolves after the device has logged out, and what it muted is told of', async () => {
    writeUntil(Infinity);
    await until(
      'the storm alert is over',
      DEADLINE_MS,
      async () => (await firing('LotusE2EEOtkConflictStorm')).length === 0,
      prometheus.log,
    );
    await until(
      'the receiver knows',
      DEADLINE_MS,
      () => told('/critical', 'LotusE2EEOtkConflictStorm', 'resolved').length > 0,
      alertmanager.log,
    );
    await until(
      'the muted alert is told of',
      DEADLINE_MS,
      () => told('/warning', 'LotusE2EEPoisonedClaims', 'firing').length > 0,
      alertmanager.log,
    );
  });

  it('a watcher that is gone has its alert, which mutes all others of it', async () => {
    await stop(watcher);
    await until('the alert of the watcher', DEADLINE_MS, async () => (await firing('LotusE2EEWatchDown')).length === 1, prometheus.log);
    await until('the receiver knows', DEADLINE_MS, () => told('/critical', 'LotusE2EEWatchDown', 'firing').length > 0, alertmanager.log);
    await until('the other is muted', DEADLINE_MS, async () => (await isMuted('LotusE2EEPoisonedClaims')) === true, alertmanager.log);
  });

  it('no rule failed, and nothing else was told', async () => {
    const { groups } = await askRules(prometheus);
    expect(groups.flatMap(({ rules }) => rules).filter(({ health }) => health !== 'ok')).toEqual([]);
    const names = new Set(receiver.notifications.flatMap(({ alerts }) => alerts.map(({ labels }) => labels['alertname'])));
    expect([...names].filter((name) => !EXPECTED.includes(name ?? ''))).toEqual([]);
  });
});

/** What this capture gives reason to say, besides the watcher's end: calls that lost keys follow from the storm. */
const EXPECTED = ['LotusE2EEOtkConflictStorm', 'LotusE2EEPoisonedClaims', 'LotusE2EECallKeysLost', 'LotusE2EEWatchDown'];

async function askRules({ url }: RunningServer): Promise<{
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
  }[];
}> {
  const answer = (await (await fetch(`${url}/api/v1/rules`)).json()) as { data: Awaited<ReturnType<typeof askRules>> };
  return answer.data;
}

/** Log time of the first refusal, from the beginning of the capture. */
function firstRefusalMs({ bytes, records }: Capture): number {
  const position = Buffer.from(bytes).indexOf('already exists');
  return records.find(({ endByte }) => endByte > position)?.afterMs ?? Number.NaN;
}

/** The shipped configuration, with this receiver and without its waiting times. Returns the file. */
function writeAlertmanagerConfig(folder: string, receiverUrl: string): string {
  const text = readFileSync(join(DEPLOY, 'alertmanager/alertmanager.yml'), 'utf8')
    .replaceAll('http://127.0.0.1:9095', receiverUrl)
    .replace('group_wait: 30s', 'group_wait: 1s')
    .replace('group_interval: 5m', 'group_interval: 1s');
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(file, text);
  return file;
}

/** The shipped configuration and rules, on a clock that runs sixty times as fast. Returns the file. */
function writePrometheusConfig(folder: string, watcherPort: number, alertmanagerUrl: string): string {
  const target = join(folder, 'prometheus-config');
  mkdirSync(target);
  cpSync(join(DEPLOY, 'prometheus/rules'), join(target, 'rules'), { recursive: true });
  for (const file of readdirSync(join(target, 'rules'))) {
    const path = join(target, 'rules', file);
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replace(/^ {4}interval: 10s$/m, '    interval: 1s')
        .replace(/^( +(?:for|keep_firing_for): \d+)([mh])$/gm, (_, start: string, unit: string) => start + (unit === 'm' ? 's' : 'm')),
    );
  }
  const text = readFileSync(join(DEPLOY, 'prometheus/prometheus.yml'), 'utf8')
    .replaceAll(/scrape_interval: 1[05]s/g, 'scrape_interval: 1s')
    .replace('evaluation_interval: 15s', 'evaluation_interval: 1s')
    .replace('127.0.0.1:9464', `127.0.0.1:${watcherPort}`)
    .replace('127.0.0.1:9093', new URL(alertmanagerUrl).host)
    // There is no Synapse here.
    .replace(/ {2}# Not needed, but it answers more.*$/s, '');
  const file = join(target, 'prometheus.yml');
  writeFileSync(file, text);
  return file;
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
