/**
 * Three faults at once, in the order in which torture met them by chance: the state's disk is full, the watcher is killed, and its log can't be read at the next start.
 * The real process, without root's right to read everything; needs root for a disk of its own.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../bench/live-process.ts';
import { devicesLog } from '../testbench/devices-log.ts';
import { createTempFolder } from '../testbench/temp-folder.ts';
import { countersOf } from './scrapes.ts';
import { StateDisk } from './state-disk.ts';
import { WatchedDaemon } from './watched-daemon.ts';

const START_MS = 20_000;
const isRoot = process.getuid?.() === 0;

const uploadsIn = (body: string): number => countersOf(body).get('lotus_e2ee_key_uploads_total{"outcome":"accepted"}') ?? 0;

async function create(log: string): Promise<{ readonly daemon: WatchedDaemon; readonly disk: StateDisk }> {
  const folder = createTempFolder();
  const disk = new StateDisk(join(folder, 'state'));
  if (!disk.isOwnDisk) throw new Error('Cannot mount a disk for the state');
  onTestFinished(() => disk.remove());
  const port = await freePort();
  const config = join(folder, 'config.yml');
  fs.writeFileSync(config, `sources: [{ path: ${log} }]\nstate_directory: ${disk.folder}\nlisten: 127.0.0.1:${port}\ntimezone: UTC\n`);
  const daemon = new WatchedDaemon(config, port, join(folder, 'daemon.log'));
  onTestFinished(() => daemon.destroy());
  return { daemon, disk };
}

it.skipIf(!isRoot)(
  'values that were shown while no commit succeeded never step back, though the log cannot be read at the next start',
  async () => {
    const log = join(createTempFolder(), 'homeserver.log');
    fs.writeFileSync(log, devicesLog(0, 6, 0));
    const { daemon, disk } = await create(log);
    daemon.start();
    expect(uploadsIn((await daemon.metrics(START_MS)) ?? '')).toBe(6);
    disk.fill();
    fs.appendFileSync(log, devicesLog(6, 400, 6));
    const shown = await daemon.metrics(START_MS, (body) => uploadsIn(body) === 406);
    expect(uploadsIn(shown ?? '')).toBe(406);
    expect((await daemon.get('/api/v1/status'))?.body).toMatch(/"problem":"[^"]*full/);

    fs.chmodSync(log, 0);
    daemon.signal('SIGKILL');
    const answers: string[] = [];
    while (answers.length < 20) {
      await sleep(100);
      const [metrics, ready] = [await daemon.get('/metrics'), await daemon.get('/-/ready')];
      if (metrics !== undefined && ready !== undefined) answers.push(`${metrics.status} ${ready.status} ${ready.body}`);
    }
    expect(new Set(answers)).toEqual(new Set([expect.stringMatching(/^503 503 Not ready: waiting up to 60 s .*permission denied/)]));

    fs.chmodSync(log, 0o644);
    expect(uploadsIn((await daemon.metrics(START_MS)) ?? '')).toBe(406);
    disk.free();
    expect(await daemon.end()).toBe(0);
    expect(daemon.crashes).toEqual([]);
  },
);
