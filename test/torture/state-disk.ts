/**
 * A disk of its own for the state directory, small enough to be filled. In: a folder. Out: the folder, on a tmpfs where the machine allows it (root).
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';

/** The database and the log of its commits come to 20 MiB here at 2,500 lines/s, and to 66 MiB have been seen at 20,000: only the ballast may make it full. */
const SIZE = '256m';
const BALLAST_BYTES = 64 * 1024;

export class StateDisk {
  readonly folder: string;
  readonly isOwnDisk: boolean;

  constructor(folder: string) {
    fs.mkdirSync(folder);
    this.folder = folder;
    this.isOwnDisk = process.getuid?.() === 0 && tryMount(folder);
  }

  /** Not a byte is free any more. */
  fill(): void {
    const fd = fs.openSync(this.#ballast, 'w');
    try {
      for (;;) fs.writeSync(fd, Buffer.alloc(BALLAST_BYTES));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(fd);
    }
  }

  free(): void {
    fs.rmSync(this.#ballast, { force: true });
  }

  /** Its files and itself: what is open stays writable, what is opened isn't. */
  setReadOnly(isReadOnly: boolean): void {
    for (const name of fs.readdirSync(this.folder)) fs.chmodSync(join(this.folder, name), isReadOnly ? 0o444 : 0o644);
    fs.chmodSync(this.folder, isReadOnly ? 0o555 : 0o755);
  }

  remove(): void {
    if (this.isOwnDisk) execFileSync('umount', ['--lazy', this.folder]);
  }

  get #ballast(): string {
    return join(this.folder, 'ballast');
  }
}

function tryMount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
