/**
 * A commit in parts is of one moment, whatever comes meanwhile. In: the real pipeline and database, and a log that goes on between two parts of a commit. Out: what a start finds
 * after a kill at that moment: all of what was read before the commit began, nothing of what came after.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { renderMetrics } from '../../../daemon/http/registry.ts';
import { loadRuleSet } from '../../../daemon/rules/rule-set-loader.ts';
import { ChunkFeeder } from '../../../daemon/sources/chunk-feeder.ts';
import { behindTurns } from '../../../daemon/sources/turns.ts';
import { openState, type RestoredState } from '../../../daemon/state/open-state.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { Pipeline } from '../../../src/pipeline.ts';
import { devicesLog } from '../../testbench/devices-log.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';
import { ManualTurns } from '../../testbench/manual-wake.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';
import { countersOf } from '../../torture/scrapes.ts';

const RULES = await loadRuleSet();
const SOURCE = 'homeserver.log';
const BEFORE = devicesLog(0, 3000, 0);
const AFTER = devicesLog(1000, 4000, 3000);

/** Time passes with each look at the clock: a part of a commit is a few rows. */
class RestlessClock extends ManualClock {
  override monotonicMs(): number {
    this.pass(1);
    return super.monotonicMs();
  }
}

class Run {
  readonly turns = new ManualTurns();
  readonly state: RestoredState;
  readonly #pipeline: Pipeline;
  readonly #feeder: ChunkFeeder;
  #bytes = 0;

  constructor(folder: string) {
    if (!RULES.ok) throw new TypeError('The built-in rules are wrong');
    this.#pipeline = new Pipeline({ rules: RULES.value, metrics: new MetricStore() });
    const stream = this.#pipeline.addSource({ name: SOURCE, timeZone: 'UTC' });
    this.#feeder = new ChunkFeeder(behindTurns(stream, this.turns));
    const opened = openState({
      folder,
      kept: this.#pipeline.keptRows(),
      sources: [{ name: SOURCE, position: () => String(this.#bytes - this.#feeder.heldBytes) }],
      metrics: this.#pipeline.metrics,
      clock: new RestlessClock(),
      turns: this.turns,
      announce: () => {},
    });
    if (!opened.ok) throw new Error(opened.problems[0]?.message);
    this.state = opened.value;
    this.#bytes = Number(opened.value.positions.get(SOURCE) ?? 0);
    if (this.#bytes > 0) stream.begin(this.#bytes);
    onTestFinished(() => this.state.keeper.stop());
  }

  get readBytes(): number {
    return this.#bytes;
  }

  read(text: string): void {
    const bytes = Buffer.from(text);
    this.#bytes += bytes.length;
    this.#feeder.push(bytes);
  }

  async counters(): Promise<ReadonlyMap<string, number>> {
    this.#feeder.settle();
    this.#pipeline.refreshMetrics();
    return countersOf((await renderMetrics(this.#pipeline.metrics, 'text')).body);
  }
}

/** As a start after a kill at this moment finds it. */
function copyOf(folder: string): string {
  const copy = join(createTempFolder(), 'state');
  fs.cpSync(folder, copy, { recursive: true });
  return copy;
}

it('has what was read before it began, and nothing of what came between its parts', async () => {
  const folder = join(createTempFolder(), 'state');
  const run = new Run(folder);
  run.read(BEFORE);
  void run.state.keeper.commitInParts();
  for (let part = 0; part < 20; part++) run.turns.runOne();
  expect(run.turns.isHeld).toBe(true);
  // Killed in the middle: as if the commit had never begun.
  const early = new Run(copyOf(folder));
  expect(early.readBytes).toBe(0);
  run.read(AFTER);
  expect(run.turns.isHeld).toBe(false);
  const restored = new Run(copyOf(folder));
  expect(restored.readBytes).toBeGreaterThan(0);
  expect(restored.readBytes).toBeLessThanOrEqual(BEFORE.length);
  restored.read((BEFORE + AFTER).slice(restored.readBytes));
  expect(await restored.counters()).toEqual(await run.counters());
});
