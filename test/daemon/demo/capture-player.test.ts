// Turned by hand: what is written when, at which speed.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCapture } from '../../../daemon/demo/capture.ts';
import { playCapture, wait } from '../../../daemon/demo/capture-player.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

const CAPTURE = parseCapture(
  Buffer.from(
    ['12:00:00,000 a', '12:00:00,000 b', 'more of b', '12:00:10,000 c', '12:01:00,000 d']
      .map((line) => `${/^\d/.test(line) ? '2026-11-23 ' : ''}${line}\n`)
      .join(''),
  ),
);

function startPlaying(speed: number, signal = new AbortController().signal) {
  const path = join(createTempFolder(), 'homeserver.log');
  writeFileSync(path, '');
  const clock = new ManualClock();
  const progress: number[] = [];
  const state = { isOver: false };
  const over = playCapture({ capture: CAPTURE, path, speed, clock, signal, onProgress: (afterMs) => void progress.push(afterMs) }).then(
    () => {
      state.isOver = true;
    },
  );
  return {
    clock,
    progress,
    state,
    over,
    lines: () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => line.slice(-1))
        .join(''),
    /** By steps, so that what waits goes on in between. */
    advance: async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10);
        await new Promise(setImmediate);
      }
    },
  };
}

describe('playCapture', () => {
  it('writes records when they are due, whole and together', async () => {
    const { advance, lines, state } = startPlaying(10);
    expect(lines()).toBe('abb');
    await advance(990);
    expect(lines()).toBe('abb');
    await advance(10);
    expect(lines()).toBe('abbc');
    await advance(4990);
    expect([lines(), state.isOver]).toEqual(['abbc', false]);
    await advance(10);
    expect([lines(), state.isOver]).toEqual(['abbcd', true]);
  });

  it('tells how far it is, to the end and not beyond', async () => {
    const { advance, progress } = startPlaying(10);
    await advance(7000);
    expect(progress[0]).toBe(0);
    expect(progress.length).toBeGreaterThan(50);
    expect(progress.at(-1)).toBe(60_000);
  });

  it('writes all at once at a speed beyond all measure', async () => {
    const { advance, lines, over } = startPlaying(1e12);
    await advance(10);
    await over;
    expect(lines()).toBe('abbcd');
  });

  it('stops in the middle when it is told to, and forgets its timer', async () => {
    const controller = new AbortController();
    const { advance, lines, over, clock } = startPlaying(10, controller.signal);
    await advance(1000);
    controller.abort();
    await over;
    expect(lines()).toBe('abbc');
    expect(clock.timerCount).toBe(0);
  });
});

describe('wait', () => {
  it('waits for nothing where the signal came before', async () => {
    const clock = new ManualClock();
    await wait(clock, 1000, AbortSignal.abort());
    expect(clock.timerCount).toBe(0);
  });
});
