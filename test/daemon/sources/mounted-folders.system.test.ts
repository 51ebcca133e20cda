/**
 * Logs that stand in a mount of their own: bound from elsewhere (containers, systemd's BindPaths=), in memory, in an overlay. Real mounts, so it needs root and the right
 * to mount.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WakeName } from '../../testbench/follow-probe.ts';
import { type Folders, figuresOf, measure } from '../../testbench/measured-follower.ts';
import type { RotationMode } from '../../testbench/rotating-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

function mount(args: readonly string[], target: string): void {
  execFileSync('mount', [...args, target], { stdio: ['ignore', 'pipe', 'pipe'] });
  // Before its folder is removed, whoever still holds something in it.
  onTestFinished(() => void execFileSync('umount', ['--lazy', target]));
}

/** A folder that is there, with such folders in it. */
function createFolders(...names: readonly string[]): readonly string[] {
  const parent = createTempFolder();
  return names.map((name) => {
    fs.mkdirSync(join(parent, name));
    return join(parent, name);
  });
}

const MOUNTS: Readonly<Record<string, () => Folders>> = {
  'a bind mount': () => {
    const [writer = '', follower = ''] = createFolders('logs', 'bound');
    mount(['--bind', writer], follower);
    return { writer, follower };
  },
  tmpfs: () => {
    const [folder = ''] = createFolders('memory');
    mount(['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs'], folder);
    return { writer: folder, follower: folder };
  },
  // The log is in the lower layer when it's opened: the first write copies it up, and it's another file on disk from then on.
  overlayfs: () => {
    const [lower = '', upper = '', work = '', folder = ''] = createFolders('lower', 'upper', 'work', 'merged');
    fs.writeFileSync(join(lower, 'homeserver.log'), 'in the lower layer\n');
    mount(['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`], folder);
    return { writer: folder, follower: folder };
  },
};

describe.skipIf(process.getuid?.() !== 0)('a log that is rotated every 200 ms', () => {
  it.each<[keyof typeof MOUNTS, RotationMode, WakeName]>([
    ['a bind mount', 'rename', 'ours'],
    ['a bind mount', 'rename, gap', 'timer'],
    ['a bind mount', 'delete', 'ours'],
    ['tmpfs', 'rename', 'ours'],
    ['tmpfs', 'delete', 'ours'],
    ['overlayfs', 'rename', 'ours'],
    ['overlayfs', 'rename', 'timer'],
    ['overlayfs', 'delete', 'ours'],
  ])('in %s, by %s, looked at by %s: no line is lost, doubled or out of order', async (name, mode, wake) => {
    const load = { mode, seconds: 3, linesPerSecond: 2000, linesPerWrite: 10, rotationPeriodMs: 200 };
    const measured = await measure(wake, load, MOUNTS[name]?.());
    console.log(`${name}, ${mode}, ${wake}: ${figuresOf(measured)}`);
    expect(measured).toMatchObject({ missingCount: 0, doubledCount: 0, disorderedCount: 0 });
    expect(measured.events[`rotated ${mode.startsWith('rename') ? 'rename' : 'delete'}`]).toBeGreaterThan(5);
  });
});
