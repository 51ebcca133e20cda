/** The daemon as a whole, started again: what it shows goes on where it was. Real files, real database, real HTTP. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../daemon/clock.ts';
import { type Config, defaultConfig } from '../../daemon/config/config.ts';
import { type Daemon, startDaemon } from '../../daemon/run.ts';
import { STATE } from '../../daemon/state/open-state.ts';
import type { WatchEvent } from '../../src/events.ts';
import { devicesLog } from '../testbench/devices-log.ts';
import { createTempFolder } from '../testbench/temp-folder.ts';

let config: Config;
let log: string;
let events: WatchEvent[];

beforeEach(() => {
  const folder = createTempFolder();
  log = join(folder, 'homeserver.log');
  events = [];
  config = {
    ...defaultConfig(),
    sources: [{ path: log, name: 'homeserver.log', format: 'auto', timezone: 'UTC' }],
    stateDirectory: join(folder, 'state'),
    listen: { host: '127.0.0.1', port: 0 },
  };
});

async function start(changes: Partial<Config> = {}): Promise<Daemon> {
  const started = await startDaemon({ config: { ...config, ...changes }, clock: systemClock, announce: (event) => events.push(event) });
  if (!started.ok) throw new Error(started.problems.map(({ message }) => message).join('; '));
  onTestFinished(() => started.value.stop().catch(() => {}));
  await until(() => started.value.isCaughtUp);
  return started.value;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isSo(); tries++) await sleep(10);
  expect(isSo()).toBe(true);
}

const get = async ({ address }: Daemon, path: string) => fetch(`http://127.0.0.1:${address.port}${path}`);
const countersOf = async (daemon: Daemon): Promise<string[]> =>
  (await (await get(daemon, '/metrics')).text())
    .split('\n')
    .filter(
      (line) => /^lotus_e2ee_(?:key_uploads_total|watch_log_lines_total|watch_access_lines_total)\{/.test(line) && !line.endsWith(' 0'),
    )
    .sort();

const TEN_UPLOADS = [
  'lotus_e2ee_key_uploads_total{outcome="accepted"} 10',
  'lotus_e2ee_watch_access_lines_total{source="homeserver.log"} 10',
  'lotus_e2ee_watch_log_lines_total{source="homeserver.log"} 20',
];

describe('a daemon that is started again', () => {
  it('goes on with its counters where it was, over a rotation', async () => {
    fs.writeFileSync(log, devicesLog(0, 6, 0));
    const first = await start();
    expect((await countersOf(first)).length).toBe(3);
    await first.stop();
    fs.appendFileSync(log, devicesLog(6, 2, 6));
    fs.renameSync(log, `${log}.1`);
    fs.writeFileSync(log, devicesLog(8, 2, 8));
    const second = await start();
    expect(await countersOf(second)).toEqual(TEN_UPLOADS);
    expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['state_created', 'state_resumed', 'rotation_seen']));
  });

  it('shows nothing that a later start would not know: a scrape is committed before it is answered', async () => {
    fs.writeFileSync(log, devicesLog(0, 10, 0));
    const first = await start();
    expect(await countersOf(first)).toEqual(TEN_UPLOADS);
    // As the disk is at this moment, were the process killed now.
    const copy = join(createTempFolder(), 'state');
    fs.cpSync(config.stateDirectory, copy, { recursive: true });
    await first.stop();
    fs.rmSync(log);
    const second = await start({ stateDirectory: copy });
    expect(await countersOf(second)).toEqual(TEN_UPLOADS);
  });

  it('reads older generations first where that is asked for, each once', async () => {
    fs.writeFileSync(`${log}.1`, devicesLog(0, 6, 0));
    fs.writeFileSync(log, devicesLog(6, 4, 6));
    const first = await start({ readsOlderGenerations: true });
    await until(() => first.status().sources[0]?.lines === 20);
    await first.stop();
    const second = await start({ readsOlderGenerations: true });
    expect(await countersOf(second)).toEqual(TEN_UPLOADS);
  });

  it('says so where the state was damaged, and begins anew', async () => {
    fs.mkdirSync(config.stateDirectory);
    fs.writeFileSync(join(config.stateDirectory, 'state.sqlite'), 'this is no database, though it has the name of one');
    fs.writeFileSync(log, devicesLog(0, 10, 0));
    const daemon = await start();
    expect(await countersOf(daemon)).toEqual(TEN_UPLOADS);
    expect(await (await get(daemon, '/metrics')).text()).toContain('\nlotus_e2ee_watch_state_resets_total 1\n');
    expect(events).toContainEqual(expect.objectContaining({ kind: 'state_set_aside' }));
  });
});

describe('a second daemon with the same state', () => {
  it('is refused, and the first one goes on', async () => {
    fs.writeFileSync(log, devicesLog(0, 10, 0));
    const first = await start();
    const second = await startDaemon({ config, clock: systemClock, announce: () => {} });
    expect(second).toMatchObject({ ok: false, problems: [{ path: STATE, message: expect.stringContaining('another process uses it') }] });
    expect(await countersOf(first)).toEqual(TEN_UPLOADS);
  });
});

describe('/api/v1/status', () => {
  it('says how the state stands', async () => {
    fs.writeFileSync(log, devicesLog(0, 1, 0));
    const daemon = await start();
    await get(daemon, '/metrics');
    const { state } = (await (await get(daemon, '/api/v1/status')).json()) as { state: Record<string, unknown> };
    expect(state).toEqual({ path: join(config.stateDirectory, 'state.sqlite'), committedMs: expect.any(Number), problem: null });
  });
});
