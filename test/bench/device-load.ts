#!/usr/bin/env node
/**
 * What many devices cost. In: how many devices and open incidents. Out: throughput on a generated log with that many known before it, against none, in
 * turn in one process each; the memory they take; what a scrape's and a commit's share of the table costs.
 *
 *     node test/bench/device-load.ts [--devices 100000] [--incidents 1000] [--size 128MiB] [--rounds 3]
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatProblem } from '../../daemon/config/problem.ts';
import { boundYoungGeneration } from '../../daemon/heap-bounds.ts';
import { loadRuleSet } from '../../daemon/rules/rule-set-loader.ts';
import { ChunkFeeder } from '../../daemon/sources/chunk-feeder.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { accepted, claimed, ids, loggedIn, refused } from '../testbench/device-facts.ts';
import { buildInput, warmUp } from './inputs.ts';
import { parseSize } from './size.ts';

/** This file as programs are shipped (test/gate/bundle.ts): run from its sources it takes 25 MiB more, node's own compiler for TypeScript. */
const CHILD = fileURLToPath(new URL('../../dist/daemon/device-load.js', import.meta.url));
/** Devices that are made between two rounds of the loop. */
const DEVICES_A_TURN = 1000;

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '100000' },
    incidents: { type: 'string', default: '1000' },
    size: { type: 'string', default: '128MiB' },
    rounds: { type: 'string', default: '3' },
    child: { type: 'string' },
  },
});

interface Result {
  readonly devices: number;
  readonly incidents: number;
  readonly cpuSeconds: number;
  readonly peakMebibytes: number;
  readonly refreshMs: number;
  readonly rowsMs: number;
}

if (values.child === undefined) compare();
else console.log(JSON.stringify(await run(values.child, Number(values.devices), Number(values.incidents))));

function compare(): void {
  const { path } = buildInput('info', parseSize(values.size) ?? 0, 1);
  warmUp(path);
  const sums = { empty: 0, full: 0 };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, devices, incidents] of [
      ['empty', '0', '0'],
      ['full', values.devices, values.incidents],
    ] as const) {
      const child = spawnSync(process.execPath, [CHILD, '--child', path, '--devices', devices, '--incidents', incidents], {
        encoding: 'utf8',
      });
      if (child.status !== 0) throw new Error(child.stderr);
      const result = JSON.parse(child.stdout) as Result;
      sums[name] += result.cpuSeconds;
      console.log(
        `${name.padEnd(6)} ${result.devices} devices, ${result.incidents} incidents: ${result.cpuSeconds.toFixed(2)} s CPU, ${result.peakMebibytes.toFixed(0)} MiB, refresh ${result.refreshMs.toFixed(1)} ms, rows ${result.rowsMs.toFixed(1)} ms`,
      );
    }
  }
  console.log(`full takes ${((100 * sums.full) / sums.empty - 100).toFixed(1)} % more than empty`);
}

async function run(path: string, devices: number, incidents: number): Promise<Result> {
  // As the program does.
  boundYoungGeneration();
  const rules = await loadRuleSet();
  if (!rules.ok) throw new Error(rules.problems.map(formatProblem).join('\n'));
  const pipeline = new Pipeline({ rules: rules.value, metrics: new MetricStore() });
  await fill(pipeline, devices, incidents);
  const stream = pipeline.addSource({ name: 'homeserver.log', timeZone: 'UTC' });
  const feeder = new ChunkFeeder(stream);
  const fd = fs.openSync(path, 'r');
  const before = process.cpuUsage();
  while (feeder.fill((buffer, offset, length) => fs.readSync(fd, buffer, offset, length, null), 1 << 20) > 0) await turn();
  feeder.finish();
  pipeline.end();
  const { user, system } = process.cpuUsage(before);
  const refreshMs = timed(() => pipeline.refreshMetrics());
  const rowsMs = timed(() => [...pipeline.devices.changedRows()].length);
  return {
    devices: pipeline.devices.size,
    incidents: pipeline.incidents().filter(({ isOpen }) => isOpen).length,
    cpuSeconds: (user + system) / 1e6,
    peakMebibytes: process.resourceUsage().maxRSS / 1024,
    refreshMs,
    rowsMs,
  };
}

/** As many as a busy homeserver has: each logged in, published its keys, and had some handed out; a few are refused again and again. */
async function fill(pipeline: Pipeline, devices: number, incidents: number): Promise<void> {
  const offered = ids(0, 49);
  for (let i = 0; i < devices; i++) {
    if (i % DEVICES_A_TURN === 0) await turn();
    const deviceId = `DEVICE${i}`;
    pipeline.devices.apply(loggedIn(0, deviceId));
    pipeline.devices.apply(accepted(1, offered, { deviceId, hasDeviceKeys: true }));
    pipeline.devices.apply(claimed(2, [offered[i % 50] ?? '', offered[(i * 7 + 3) % 50] ?? ''], { deviceId }));
  }
  for (const seconds of [100, 130, 160, 190])
    for (let i = 0; i < incidents; i++) pipeline.devices.apply(refused(seconds, offered, { deviceId: `DEVICE${i}`, hasDeviceKeys: true }));
  pipeline.devices.markCommitted();
}

/** The loop goes round, as between the chunks of a file. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function timed(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}
