/** When to look: the timer, and hints of the operating system while a file is quiet. */
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemon/clock.ts';
import {
  BUSY_MS,
  BUSY_POLL_MS,
  createWake,
  HINT_RETRY_MS,
  type HintSource,
  QUIET_POLL_MS,
  type Wake,
} from '../../../daemon/sources/wake.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

/** Hints that a test gives. */
class ManualHints {
  readonly #armed = new Map<string, () => void>();
  setCount = 0;
  code: string | undefined;

  readonly source: HintSource = (path, onHint) => {
    if (this.code !== undefined) throw Object.assign(new Error(this.code), { code: this.code });
    this.setCount++;
    this.#armed.set(path, onHint);
    return { close: () => this.#armed.delete(path) };
  };

  isArmed(path: string): boolean {
    return this.#armed.has(path);
  }

  give(path: string): void {
    this.#armed.get(path)?.();
  }
}

let clock: ManualClock;
let hints: ManualHints;
let wake: Wake;
let looks: number[];
let isNew: boolean;

const PATH = '/log';
const look = (): boolean => {
  looks.push(clock.monotonicMs());
  return isNew;
};

beforeEach(() => {
  clock = new ManualClock();
  hints = new ManualHints();
  looks = [];
  isNew = false;
  wake = createWake({ clock, hintSource: hints.source });
});

/** Times between looks. */
const periods = (): number[] => looks.slice(1).map((time, index) => time - looks[index]!);

describe('the timer', () => {
  it('looks every 250 ms, forever, where hints are off; also at a busy file', () => {
    wake = createWake({ clock, hints: false, hintSource: hints.source });
    wake.watch(PATH, look);
    clock.advance(10 * QUIET_POLL_MS + BUSY_POLL_MS);
    expect(periods()).toEqual(Array(10).fill(QUIET_POLL_MS));
    isNew = true;
    looks = [];
    clock.advance(4 * QUIET_POLL_MS);
    expect(periods()).toEqual([QUIET_POLL_MS, QUIET_POLL_MS, QUIET_POLL_MS]);
    expect(hints.setCount).toBe(0);
  });

  it('never looks before watch has returned', () => {
    isNew = true;
    wake.watch(PATH, look);
    expect(looks).toEqual([]);
  });

  it('looks every 50 ms while the file is written to, and for a second after', () => {
    wake.watch(PATH, look);
    isNew = true;
    clock.advance(BUSY_POLL_MS);
    isNew = false;
    looks = [];
    clock.advance(BUSY_MS);
    expect(looks.length).toBe(BUSY_MS / BUSY_POLL_MS + 1);
    looks = [];
    clock.advance(BUSY_MS);
    expect(looks.length).toBe(BUSY_MS / QUIET_POLL_MS);
  });

  it('is one for all files, however many', () => {
    for (let count = 0; count < 20; count++) wake.watch(`${PATH}${count}`, look);
    for (let ms = 0; ms < 1000; ms += 10) {
      clock.advance(10);
      expect(clock.timerCount).toBe(1);
    }
    // All share a tick, though the hint looks made them due apart.
    expect(new Set(looks).size).toBeLessThanOrEqual(5);
  });

  it('brings files that are watched at odd moments to one tick', () => {
    wake.watch('a', look);
    clock.advance(20);
    wake.watch('b', look);
    clock.advance(2000);
    looks = [];
    clock.advance(10 * QUIET_POLL_MS);
    expect(new Set(looks).size).toBe(10);
  });

  it('is not set when nobody watches any more', () => {
    const watching = wake.watch(PATH, look);
    clock.advance(QUIET_POLL_MS);
    looks = [];
    watching.stop();
    watching.stop();
    clock.advance(10 * QUIET_POLL_MS);
    expect([looks, clock.timerCount, hints.isArmed(PATH)]).toEqual([[], 0, false]);
    wake.watch(PATH, look);
    clock.advance(QUIET_POLL_MS);
    expect(looks.length).toBeGreaterThan(0);
  });

  it('stops for one that is stopped by its own look', () => {
    const watching = wake.watch(PATH, () => {
      watching.stop();
      return look();
    });
    clock.advance(10 * QUIET_POLL_MS);
    expect([looks.length, clock.timerCount, hints.isArmed(PATH)]).toEqual([1, 0, false]);
  });
});

describe('hints', () => {
  it('are asked for when the file is quiet, and make it looked at at once', () => {
    wake.watch(PATH, look);
    clock.advance(BUSY_POLL_MS);
    expect(hints.isArmed(PATH)).toBe(true);
    clock.advance(7);
    looks = [];
    hints.give(PATH);
    expect(looks).toEqual([BUSY_POLL_MS + 7]);
  });

  it('are not asked for while the file is busy, however many changes there are', () => {
    wake.watch(PATH, look);
    clock.advance(BUSY_POLL_MS);
    isNew = true;
    hints.give(PATH);
    looks = [];
    for (let ms = 0; ms < 10_000; ms += 5) {
      hints.give(PATH);
      clock.advance(5);
    }
    expect(looks.length).toBe(10_000 / BUSY_POLL_MS);
    expect([hints.isArmed(PATH), hints.setCount]).toEqual([false, 1]);
    isNew = false;
    clock.advance(BUSY_MS + BUSY_POLL_MS);
    expect([hints.isArmed(PATH), hints.setCount]).toEqual([true, 2]);
  });

  it('make the file busy even when there is nothing new: after a rename the new file comes in a moment', () => {
    wake.watch(PATH, look);
    clock.advance(BUSY_POLL_MS);
    hints.give(PATH);
    looks = [];
    clock.advance(2 * BUSY_POLL_MS);
    expect(periods()).toEqual([BUSY_POLL_MS]);
  });

  it('leave no hole: what was written before the watch was set is looked for after it', () => {
    let written = false;
    let seen = 0;
    wake = createWake({
      clock,
      hintSource: (path, onHint) => {
        // Written after the look and before the watch: no hint will come.
        written = true;
        return hints.source(path, onHint);
      },
    });
    wake.watch(PATH, () => {
      const isSeen = written;
      if (isSeen) seen++;
      written = false;
      return isSeen;
    });
    clock.advance(BUSY_POLL_MS);
    expect(seen).toBe(1);
    expect(hints.isArmed(PATH)).toBe(false);
  });

  it.each(['ENOENT', 'ENOSPC', 'EMFILE'])(
    'that the system refuses (%s) are asked for again, once a second, and the timer goes on',
    (code) => {
      hints.code = code;
      wake.watch(PATH, look);
      clock.advance(10 * HINT_RETRY_MS);
      expect(looks.length).toBe(40);
      hints.code = undefined;
      clock.advance(HINT_RETRY_MS);
      expect(hints.isArmed(PATH)).toBe(true);
    },
  );

  it('of one file do not disturb another', () => {
    let others = 0;
    wake.watch(PATH, look);
    wake.watch('/other', () => {
      others++;
      return false;
    });
    clock.advance(BUSY_POLL_MS);
    others = 0;
    hints.give(PATH);
    expect(others).toBe(0);
  });
});

describe('the real thing', () => {
  /** Watches with a timer that never comes, so that only a hint can make it look. */
  const nextHint = (path: string, change: () => void): Promise<string> =>
    new Promise((resolve) => {
      const slowClock = new ManualClock();
      const watching = createWake({ clock: slowClock }).watch(path, () => {
        if (changed) {
          watching.stop();
          resolve('hinted');
        }
        return false;
      });
      let changed = false;
      slowClock.advance(BUSY_POLL_MS);
      changed = true;
      change();
    });

  it.each<[string, (path: string) => void]>([
    ['an append', (path) => fs.appendFileSync(path, 'x')],
    ['a rename', (path) => fs.renameSync(path, `${path}.1`)],
    ['a deletion', (path) => fs.rmSync(path)],
    ['a truncation', (path) => fs.truncateSync(path)],
  ])('hints at %s', async (_, change) => {
    const path = join(createTempFolder(), 'homeserver.log');
    fs.writeFileSync(path, 'text');
    expect(await nextHint(path, () => change(path))).toBe('hinted');
  });

  it('looks by the clock of the machine', async () => {
    await new Promise<void>((resolve) => {
      // Nothing else keeps this process alive that long; the timers of the daemon don't.
      const keepAlive = setTimeout(() => {}, 60_000);
      const watching = createWake({ clock: systemClock, hints: false }).watch('/nowhere', () => {
        watching.stop();
        clearTimeout(keepAlive);
        resolve();
        return false;
      });
    });
  });
});
