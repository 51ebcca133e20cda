// demo as a shell starts it. The numbers are those of the capture (daemon/demo/capture/README.md).

import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTempFolder } from '../../testbench/temp-folder.ts';
import { runCommand, startCommand } from './command-line.ts';

/** 2 min 44 s in 0.1 s. */
const FAST = ['demo', '--speed', '2000'];
/** Long enough to be still at it when it is told to stop. */
const SLOW = ['demo', '--speed', '1'];

describe('demo, played to its end', () => {
  it('shows addresses, what it sees, metrics and the report, and leaves nothing behind', async () => {
    const folder = createTempFolder();
    const { exitCode, out, err } = await runCommand(FAST, { env: { TMPDIR: folder } });
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/ status page +http:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(out).toMatch(/ metrics +http:\/\/127\.0\.0\.1:\d+\/metrics\n/);
    expect(out).toContain('16:54:45  Synapse 1.155.0 starts\n');
    expect(out).toContain('16:57:09  @rosa MSLNKEIKTS is deleted (logged out)\n');
    expect(out).toContain('@rosa MSLNKEIKTS: refused 48 times so far\n');
    expect(out).toMatch(/call keys sent: 34 so far/);
    expect(out).toContain('  lotus_e2ee_otk_conflicts_total 48\n');
    expect(out).toContain('  lotus_e2ee_key_uploads_total{outcome="conflict"} 48\n');
    expect(out).toMatch(/@rosa:matrix\.example\.org +MSLNKEIKTS +48 +2 +2 /);
    expect(out).toMatch(/homeserver\.log +text +1,283 +1,283 +587 /);
    // A pipe: no status line, no colours.
    for (const character of ['\r', '\x1b']) expect(out).not.toContain(character);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes another port where its own is taken', async () => {
    const taken = createServer();
    // Where somebody else has it, it is taken all the same.
    await new Promise<void>((resolve) => {
      taken.once('error', () => resolve());
      taken.listen(9464, '127.0.0.1', resolve);
    });
    onTestFinished(() => void taken.close());
    const { exitCode, out, err } = await runCommand(FAST);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/ metrics +http:\/\/127\.0\.0\.1:\d+\/metrics\n/);
    expect(out).not.toContain(':9464/');
    expect(out).toContain('lotus_e2ee_otk_conflicts_total 48');
  });

  it('goes on serving with --keep-running, until it is told to stop', async () => {
    const demo = startCommand([...FAST, '--keep-running']);
    await demo.until('Ctrl-C ends it.\n');
    const url = /metrics +(http:\S+)/.exec(demo.seen.out)?.[1] ?? '';
    const response = await fetch(url);
    expect(await response.text()).toContain('\nlotus_e2ee_otk_conflicts_total 48\n');
    demo.child.kill('SIGTERM');
    expect(await demo.ended).toMatchObject({ exitCode: 0, err: '' });
  });
});

describe('demo, interrupted', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends well at %s in the middle', async (signal) => {
    const folder = createTempFolder();
    const demo = startCommand(SLOW, { env: { TMPDIR: folder } });
    await demo.until('Synapse 1.155.0 starts');
    expect(readdirSync(folder)).toHaveLength(1);
    demo.child.kill(signal);
    const { exitCode, out, err } = await demo.ended;
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`Stopped by ${signal}\\.\n$`));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves nothing behind when its reader has gone', async () => {
    const folder = createTempFolder();
    const { exitCode, err } = await runCommand(SLOW, { env: { TMPDIR: folder }, closesOutput: true });
    expect([exitCode, err]).toEqual([0, '']);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('demo refuses', () => {
  it.each(['0', '-5', 'fast', '', '1e400', '0x10'])('--speed %j', async (speed) => {
    const { exitCode, out, err } = await runCommand(['demo', '--speed', speed]);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toBe(`Cannot use --speed "${speed}": not a speed, expected a number above 0 such as 20 or 0.5\n`);
  });

  it('to play where nothing can be written', async () => {
    const { exitCode, out, err } = await runCommand(FAST, { env: { TMPDIR: '/nonexistent' } });
    expect([exitCode, out]).toEqual([1, '']);
    expect(err).toMatch(
      /^Cannot play the capture in "\/nonexistent": ENOENT.*, expected a folder with some room to write to \(TMPDIR names another\)\n$/,
    );
  });
});
