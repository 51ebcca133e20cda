/** The daemon as a whole, started again: what it shows goes on where it was. Real files, real database, real HTTP. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../daemon/clock.ts';
import { type Config, defaultConfig } from '../../daemon/config/config.ts';
import { RETURN_GRACE_MS } from '../../daemon/readiness.ts';
import { type Daemon, startDaemon } from '../../daemon/run.ts';
import { STATE } from '../../daemon/state/open-state.ts';
import type { WatchEvent } from '../../src/events.ts';
import { devicesLog } from '../testbench/devices-log.ts';
import { ManualClock } from '../testbench/manual-clock.ts';
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

async function start(changes: Partial<Config> = {}, clock: Clock = systemClock): Promise<Daemon> {
  const started = await startDaemon({ config: { ...config, ...changes }, clock, announce: (event) => events.push(event) });
  if (!started.ok) throw new Error(started.problems.map(({ message }) => message).join('; '));
  onTestFinished(() => started.value.stop().catch(() => {}));
  await until(() => started.value.isCaughtUp);
  return started.value;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000 && !(await isSo()); tries++) await sleep(10);
  expect(await isSo()).toBe(true);
}

/** The state as it's on the disk at this moment: what a later start finds if the process is killed now. */
function copyState(): string {
  const copy = join(createTempFolder(), 'state');
  fs.cpSync(config.stateDirectory, copy, { recursive: true });
  return copy;
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
    const copy = copyState();
    await first.stop();
    fs.rmSync(log);
    const clock = new ManualClock();
    const second = await start({ stateDirectory: copy }, clock);
    clock.advance(RETURN_GRACE_MS);
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

describe('a start whose state is older than what was shown (commits failed before the kill)', () => {
  const AWAITED =
    /^Not ready: waiting up to 60 s for what an earlier run has read: homeserver\.log \(Cannot read "[^"]+": it .+, expected a file\)\n$/;

  it.each<[string, () => void, () => void]>([
    ['missing', () => fs.renameSync(log, `${log}.elsewhere`), () => fs.renameSync(`${log}.elsewhere`, log)],
    [
      // Root is refused no file: what stands at the path can't be read by anybody.
      'unreadable',
      () => {
        fs.renameSync(log, `${log}.1`);
        fs.mkdirSync(log);
      },
      () => {
        fs.rmdirSync(log);
        fs.writeFileSync(log, devicesLog(10, 2, 10));
      },
    ],
  ])('shows nothing while its log is %s, then values that go on where they were', async (_, takeAway, giveBack) => {
    const copy = await stateBeforeTheLastFour();
    takeAway();
    const clock = new ManualClock();
    const second = await start({ stateDirectory: copy }, clock);
    for (const path of ['/metrics', '/-/ready']) {
      const answer = await get(second, path);
      expect([answer.status, await answer.text()]).toEqual([503, expect.stringMatching(AWAITED)]);
    }
    expect((await get(second, '/-/healthy')).status).toBe(200);
    giveBack();
    await until(async () => {
      clock.advance(100);
      return (await get(second, '/metrics')).status === 200;
    });
    const counters = await countersOf(second);
    expect(counters[0]).toBe(`lotus_e2ee_key_uploads_total{outcome="accepted"} ${fs.existsSync(`${log}.1`) ? 12 : 10}`);
  });

  it('shows what it has when the log has not come back for a while, and nothing again while it reads it after all', async () => {
    const copy = await stateBeforeTheLastFour();
    fs.renameSync(log, `${log}.elsewhere`);
    const clock = new ManualClock();
    const second = await start({ stateDirectory: copy }, clock);
    clock.advance(RETURN_GRACE_MS - 1);
    expect((await get(second, '/metrics')).status).toBe(503);
    clock.advance(1);
    expect((await get(second, '/metrics')).status).toBe(200);
    expect(await countersOf(second)).toContain('lotus_e2ee_key_uploads_total{outcome="accepted"} 6');
    expect(await (await get(second, '/-/ready')).text()).toBe(`Not ready: Cannot read "${log}": it does not exist, expected a file\n`);
    fs.renameSync(`${log}.elsewhere`, log);
    clock.advance(1000);
    await until(() => second.status().ready.isReady);
    expect(await countersOf(second)).toEqual(TEN_UPLOADS);
  });

  /** A state that knows six of the ten uploads in the log; all ten were shown. */
  async function stateBeforeTheLastFour(): Promise<string> {
    fs.writeFileSync(log, devicesLog(0, 6, 0));
    const first = await start();
    expect((await countersOf(first)).length).toBe(3);
    const copy = copyState();
    fs.appendFileSync(log, devicesLog(6, 4, 6));
    await until(async () => (await countersOf(first)).join() === TEN_UPLOADS.join());
    await first.stop();
    return copy;
  }
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
