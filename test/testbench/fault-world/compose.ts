/**
 * A world with faults composed at random: each seed takes some of them, in any order, several at once, inside healthy traffic. A fault is one small module
 * (faults/); a new one is added to the list here.
 */
import { START_MS } from '../../src/records/log-lines.ts';
import { concurrentWriters } from './faults/concurrent-writers.ts';
import { exhaustion } from './faults/exhaustion.ts';
import { forgedLines } from './faults/forged-lines.ts';
import { healthyTraffic } from './faults/healthy-traffic.ts';
import { identityReset } from './faults/identity-reset.ts';
import { quickReload } from './faults/quick-reload.ts';
import { restart } from './faults/restart.ts';
import { rollback } from './faults/rollback.ts';
import { serverRollback } from './faults/server-rollback.ts';
import { volatileStore } from './faults/volatile-store.ts';
import { type Fault, World } from './world.ts';

const FAULTS: readonly Fault[] = [
  identityReset,
  volatileStore,
  rollback,
  concurrentWriters,
  exhaustion,
  serverRollback,
  forgedLines,
  quickReload,
  restart,
];

const DURATION_MS = 10 * 60_000;

/** @param only faults of these names alone, if given */
export function composeWorld(seed: number, only?: readonly string[]): World {
  const world = new World(seed, START_MS + (seed % 1000) * 60_000, DURATION_MS);
  healthyTraffic.plan(world);
  const candidates = FAULTS.filter(({ name }) => only === undefined || only.includes(name));
  for (const fault of candidates) if (only !== undefined || world.random.chance(350_000)) fault.plan(world);
  world.run();
  return world;
}
