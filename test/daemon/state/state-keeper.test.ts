/** When the state is committed, in which parts, and what is told of it. Clock and turns are the test's; the database is a real one, and fails where a test wants it. */
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openStateDatabase, type StateDatabase } from '../../../daemon/state/state-database.ts';
import { COMMIT_MS, SHORTEST_COMMIT_MS, StateKeeper } from '../../../daemon/state/state-keeper.ts';
import type { WatchEvent } from '../../../src/events.ts';
import type { KeptRows } from '../../../src/kept-rows.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { WholeRow } from '../../../src/whole-row.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';
import { ManualTurns } from '../../testbench/manual-wake.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

let clock: ManualClock;
let turns: ManualTurns;
let database: StateDatabase;
let metrics: MetricStore;
let events: WatchEvent[];
let keeper: StateKeeper;
/** Transactions that were begun. */
let commits: number;
let failure: Error | undefined;
/** The end of a commit takes so long. */
let tookMs: number;
/** A stage that keeps one number, one with a row for each of these, and a source. */
let value: number;
let manyRows: number;
let position: string | undefined;

/** Each row takes a millisecond. */
const many: KeptRows = {
  stage: 'many',
  *changedRows() {
    for (let i = 0; i < manyRows; i++) {
      clock.pass(1);
      yield [String(i), `${value}`.padEnd(40)];
    }
  },
  markCommitted: () => {
    manyRows = 0;
  },
  restoreRows: () => [],
};

beforeEach(() => {
  clock = new ManualClock();
  turns = new ManualTurns();
  const opened = openStateDatabase(join(createTempFolder(), 'state'), clock.nowMs());
  if (opened.kind === 'refused') throw new Error(opened.message);
  database = opened.database;
  metrics = new MetricStore();
  events = [];
  commits = 0;
  failure = undefined;
  tookMs = 0;
  value = 1;
  manyRows = 0;
  position = undefined;
  const begin = database.begin.bind(database);
  database.begin = () => {
    commits++;
    const writing = begin();
    const commit = (timeMs: number): void => {
      clock.pass(tookMs);
      if (failure !== undefined) throw failure;
      writing.commit(timeMs);
    };
    return { ...writing, commit };
  };
  keeper = new StateKeeper({
    database,
    kept: [new WholeRow<number>('number', { dump: () => value, restore: () => {} }), many],
    sources: [{ name: 'homeserver.log', position: () => position }],
    metrics,
    clock,
    turns,
    announce: (event) => events.push(event),
  });
  keeper.start();
  // It begins with short times, and comes to COMMIT_MS when commits are quick.
  for (let ms = SHORTEST_COMMIT_MS; ms < COMMIT_MS; ms *= 2) advance(ms);
  commits = 0;
  onTestFinished(() => keeper.stop());
});

/** Time passes, and what wants a turn then has it. */
function advance(ms: number): void {
  clock.advance(ms);
  turns.runAll();
}

const stored = () => [Object.fromEntries(database.rows('number'))[''], database.positions().get('homeserver.log')];
const gauge = (name: 'lotus_e2ee_watch_state_commit_timestamp_seconds' | 'lotus_e2ee_watch_state_bytes') => metrics.gauge(name).value;
const failures = () => metrics.counter('lotus_e2ee_watch_state_commit_failures_total').value;

describe('a commit', () => {
  it('comes every COMMIT_MS when something changed, and only then', () => {
    for (let i = 0; i < 3; i++) advance(COMMIT_MS);
    expect([commits, ...stored()]).toEqual([0, '1', undefined]);
    position = '{"at":5}';
    advance(COMMIT_MS - 1);
    expect(commits).toBe(0);
    advance(1);
    expect([commits, ...stored()]).toEqual([1, '1', '{"at":5}']);
    value = 2;
    advance(COMMIT_MS);
    expect([commits, ...stored()]).toEqual([2, '2', '{"at":5}']);
  });

  it('comes sooner while it takes long, and later again when it does not', () => {
    const timesOf = (count: number): number[] =>
      Array.from({ length: count }, () => {
        const before = commits;
        value++;
        let ms = 0;
        for (; commits === before; ms += 10) advance(10);
        return ms;
      });
    tookMs = 110;
    expect(timesOf(6).map((ms) => Math.round(ms / 100) * 100)).toEqual([5000, 2500, 1300, 600, 300, 300]);
    tookMs = 45;
    expect(timesOf(3).map((ms) => Math.round(ms / 100) * 100)).toEqual([300, 500, 1000]);
  });

  it('comes soon where it is asked for, once for several questions, and not in the middle of the turn', () => {
    value = 2;
    keeper.commitSoon();
    keeper.commitSoon();
    expect(commits).toBe(0);
    advance(0);
    expect(commits).toBe(1);
  });

  it('comes at the stop', () => {
    value = 7;
    const { path } = database;
    keeper.stop();
    const again = openStateDatabase(join(path, '..'), clock.nowMs());
    expect(again.kind === 'opened' && [...again.database.rows('number')]).toEqual([['', '7']]);
    if (again.kind === 'opened') again.database.close();
    expect(clock.timerCount).toBe(0);
    // For the end of the test.
    keeper.stop = () => {};
  });

  it('shows when it was, and how large the database is', () => {
    value = 2;
    keeper.commit();
    expect(keeper.view).toEqual({ path: database.path, committedMs: clock.nowMs(), problem: null });
    expect(gauge('lotus_e2ee_watch_state_commit_timestamp_seconds')).toBe(clock.nowMs() / 1000);
    expect(gauge('lotus_e2ee_watch_state_bytes')).toBeGreaterThan(4096);
  });
});

describe('a commit in parts', () => {
  const manyStored = () => [...database.rows('many')].length;

  it('holds the turns, blocks for 5 ms at a time, and is there as a whole', async () => {
    manyRows = 22;
    position = '{"at":1}';
    let step = 0;
    turns.request(() => step++);
    const written = keeper.commitInParts();
    const blockedMs: number[] = [];
    while (turns.isHeld) {
      const before = clock.monotonicMs();
      turns.runOne();
      blockedMs.push(clock.monotonicMs() - before);
    }
    expect(blockedMs).toEqual([5, 5, 5, 5, 2]);
    expect([await written, step, manyStored(), stored()[1]]).toEqual([true, 0, 22, '{"at":1}']);
    expect(metrics.gauge('lotus_e2ee_watch_state_commit_duration_seconds').value).toBe(0.022);
  });

  it('is finished at once for one that cannot wait, and that one has what came since', () => {
    manyRows = 22;
    void keeper.commitInParts();
    turns.runOne();
    value = 2;
    position = '{"at":2}';
    expect([keeper.commit(), turns.isHeld, manyStored(), commits]).toEqual([true, false, 22, 2]);
    expect(stored()).toEqual(['2', '{"at":2}']);
  });

  it('is waited for by the next one, which has what came since', async () => {
    manyRows = 22;
    void keeper.commitInParts();
    turns.runOne();
    const second = keeper.commitInParts();
    value = 2;
    turns.runAll();
    advance(1);
    expect([await second, commits, stored()[0]]).toEqual([true, 2, '2']);
  });

  it('that is under way at the stop is written first', () => {
    manyRows = 22;
    void keeper.commitInParts();
    turns.runOne();
    const { path } = database;
    keeper.stop();
    const again = openStateDatabase(join(path, '..'), clock.nowMs());
    expect(again.kind === 'opened' && [...again.database.rows('many')]).toHaveLength(22);
    if (again.kind === 'opened') again.database.close();
    expect(clock.timerCount).toBe(0);
    keeper.stop = () => {};
  });
});

describe('a commit that fails', () => {
  it('is told, counted, tried again, and loses nothing', () => {
    failure = Object.assign(new Error('database or disk is full'), { errcode: 13 });
    value = 3;
    manyRows = 7;
    expect(keeper.commit()).toBe(false);
    for (let i = 0; i < 2; i++) advance(COMMIT_MS);
    expect([commits, failures(), ...stored()]).toEqual([3, 3, '1', undefined]);
    expect(keeper.view.problem).toBe('database or disk is full');
    expect(events.map(({ kind }) => kind)).toEqual(['commit_failed', 'commit_failed', 'commit_failed']);
    failure = undefined;
    value = 4;
    advance(COMMIT_MS);
    expect([stored()[0], [...database.rows('many')].length, keeper.view.problem]).toEqual(['4', 7, null]);
    expect(events.at(-1)).toMatchObject({ kind: 'commit_recovered', path: database.path });
  });

  it('does not stop the stop', () => {
    failure = new Error('read-only');
    value = 2;
    keeper.stop();
    expect(events.map(({ kind }) => kind)).toEqual(['commit_failed']);
    keeper.stop = () => {};
  });
});

describe('the checkpoint', () => {
  it('comes behind a commit that made the log large, in a turn of its own', async () => {
    // The log is synced by another thread meanwhile, in real time.
    const untilAsked = async (): Promise<void> => {
      for (let i = 0; i < 1000 && turns.waitingCount === 0; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    let checkpoints = 0;
    const checkpoint = database.checkpoint.bind(database);
    database.checkpoint = () => {
      checkpoints++;
      return checkpoint();
    };
    manyRows = 10;
    keeper.commit();
    expect(database.isCheckpointDue).toBe(false);
    manyRows = 120_000;
    keeper.commit();
    expect([database.isCheckpointDue, checkpoints]).toEqual([true, 0]);
    // Once is enough, however many commits there are before it.
    manyRows = 1;
    keeper.commit();
    await untilAsked();
    expect([turns.waitingCount, checkpoints]).toEqual([1, 0]);
    turns.runAll();
    expect([checkpoints, database.isCheckpointDue]).toEqual([1, false]);
  });
});

describe('a database file that is gone', () => {
  const rewrites = () => metrics.counter('lotus_e2ee_watch_state_rewrites_total').value;
  /** As another process would find it. */
  const atPath = (): unknown[] => {
    keeper.stop();
    keeper.stop = () => {};
    const again = openStateDatabase(join(database.path, '..'), clock.nowMs());
    if (again.kind === 'refused') throw new Error(again.message);
    onTestFinished(() => again.database.close());
    return [...again.database.rows('number'), ...again.database.rows('many')].map(([key, text]) => [key, text.trim()]);
  };

  it('is noticed though nothing changed, said, counted, and written anew with all that is known', () => {
    manyRows = 2;
    keeper.commit();
    fs.rmSync(database.path);
    advance(COMMIT_MS);
    expect([events, rewrites(), failures(), keeper.view.problem]).toEqual([
      [{ kind: 'state_rewritten', path: database.path, setAside: null }],
      1,
      0,
      null,
    ]);
    value = 9;
    advance(COMMIT_MS);
    expect(atPath()).toEqual([
      ['', '9'],
      ['0', '1'],
      ['1', '1'],
    ]);
    expect([events.length, rewrites()]).toEqual([1, 1]);
  });

  it('is a failure as long as it cannot be written anew', () => {
    const folder = join(database.path, '..');
    fs.rmSync(folder, { recursive: true });
    fs.writeFileSync(folder, 'in the way');
    value = 2;
    advance(COMMIT_MS);
    advance(COMMIT_MS);
    expect([events.map(({ kind }) => kind), failures(), rewrites()]).toEqual([['commit_failed', 'commit_failed'], 2, 0]);
    expect(keeper.view.problem).toMatch(/EEXIST|ENOTDIR/);
    fs.rmSync(folder);
    advance(COMMIT_MS);
    expect(events.slice(2).map(({ kind }) => kind)).toEqual(['state_rewritten', 'commit_recovered']);
    expect([keeper.view.problem, atPath()]).toEqual([null, [['', '2']]]);
  });
});
