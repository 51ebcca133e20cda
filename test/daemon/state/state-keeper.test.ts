/** When the state is committed, and what is told of it. The clock is the test's; the database is a real one, and fails where a test wants it. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Batch, openStateDatabase, type StateDatabase } from '../../../daemon/state/state-database.ts';
import { COMMIT_MS, SHORTEST_COMMIT_MS, StateKeeper } from '../../../daemon/state/state-keeper.ts';
import type { WatchEvent } from '../../../src/events.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { WholeRow } from '../../../src/whole-row.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

let clock: ManualClock;
let database: StateDatabase;
let metrics: MetricStore;
let events: WatchEvent[];
let keeper: StateKeeper;
let commits: number;
let failure: Error | undefined;
/** A commit takes so long. */
let tookMs: number;
/** A stage that keeps one number, and a source. */
let value: number;
let position: string | undefined;

beforeEach(() => {
  clock = new ManualClock();
  const opened = openStateDatabase(join(createTempFolder(), 'state'), clock.nowMs());
  if (opened.kind === 'refused') throw new Error(opened.message);
  database = opened.database;
  metrics = new MetricStore();
  events = [];
  commits = 0;
  failure = undefined;
  tookMs = 0;
  value = 1;
  position = undefined;
  const commit = database.commit.bind(database);
  database.commit = (batch: Batch) => {
    commits++;
    clock.pass(tookMs);
    if (failure !== undefined) throw failure;
    commit(batch);
  };
  keeper = new StateKeeper({
    database,
    kept: [new WholeRow<number>('number', { dump: () => value, restore: () => {} })],
    sources: [{ name: 'homeserver.log', position: () => position }],
    metrics,
    clock,
    announce: (event) => events.push(event),
  });
  keeper.start();
  // It begins with short times, and comes to COMMIT_MS when commits are quick.
  for (let ms = SHORTEST_COMMIT_MS; ms < COMMIT_MS; ms *= 2) clock.advance(ms);
  commits = 0;
  onTestFinished(() => keeper.stop());
});

const stored = () => [Object.fromEntries(database.rows('number'))[''], database.positions().get('homeserver.log')];
const gauge = (name: 'lotus_e2ee_watch_state_commit_timestamp_seconds' | 'lotus_e2ee_watch_state_bytes') => metrics.gauge(name).value;
const failures = () => metrics.counter('lotus_e2ee_watch_state_commit_failures_total').value;

describe('a commit', () => {
  it('comes every COMMIT_MS when something changed, and only then', () => {
    clock.advance(3 * COMMIT_MS);
    expect([commits, ...stored()]).toEqual([0, '1', undefined]);
    position = '{"at":5}';
    clock.advance(COMMIT_MS - 1);
    expect(commits).toBe(0);
    clock.advance(1);
    expect([commits, ...stored()]).toEqual([1, '1', '{"at":5}']);
    value = 2;
    clock.advance(COMMIT_MS);
    expect([commits, ...stored()]).toEqual([2, '2', '{"at":5}']);
  });

  it('comes sooner while it takes long, and later again when it does not', () => {
    const timesOf = (count: number): number[] =>
      Array.from({ length: count }, () => {
        const before = commits;
        value++;
        let ms = 0;
        for (; commits === before; ms += 10) clock.advance(10);
        return ms;
      });
    tookMs = 30;
    expect(timesOf(6).map((ms) => Math.round(ms / 100) * 100)).toEqual([5000, 2500, 1300, 700, 300, 300]);
    tookMs = 5;
    expect(timesOf(3).map((ms) => Math.round(ms / 100) * 100)).toEqual([300, 500, 1000]);
  });

  it('comes soon where it is asked for, once for several questions, and not in the middle of the turn', () => {
    value = 2;
    keeper.commitSoon();
    keeper.commitSoon();
    expect(commits).toBe(0);
    clock.advance(0);
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

describe('a commit that fails', () => {
  it('is told, counted, tried again, and loses nothing', () => {
    failure = Object.assign(new Error('database or disk is full'), { errcode: 13 });
    value = 3;
    expect(keeper.commit()).toBe(false);
    clock.advance(2 * COMMIT_MS);
    expect([commits, failures(), ...stored()]).toEqual([3, 3, '1', undefined]);
    expect(keeper.view.problem).toBe('database or disk is full');
    expect(events.map(({ kind }) => kind)).toEqual(['commit_failed', 'commit_failed', 'commit_failed']);
    failure = undefined;
    value = 4;
    clock.advance(COMMIT_MS);
    expect([stored()[0], keeper.view.problem]).toEqual(['4', null]);
    expect(events.at(-1)).toEqual({ kind: 'commit_recovered', path: database.path, failedMs: 3 * COMMIT_MS });
  });

  it('does not stop the stop', () => {
    failure = new Error('read-only');
    value = 2;
    keeper.stop();
    expect(events.map(({ kind }) => kind)).toEqual(['commit_failed']);
    keeper.stop = () => {};
  });
});
