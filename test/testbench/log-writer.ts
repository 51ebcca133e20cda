/**
 * Writes a log as a server does, and rotates it in every way that servers and logrotate know. In: text, and when to rotate. Out: real files.
 *
 * It keeps one descriptor open for appending, as Python's handlers do; late writes go through the descriptor that it had before the last rotation.
 */
import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';

export class LogWriter {
  readonly path: string;
  #fd: number;
  #oldFd: number | undefined;

  /** Creates or opens `path`. */
  constructor(path: string) {
    this.path = path;
    this.#fd = fs.openSync(path, 'a');
  }

  write(text: string | Uint8Array): void {
    fs.writeSync(this.#fd, typeof text === 'string' ? Buffer.from(text) : text);
  }

  /** Writes to the file as it was before the last rotation. */
  writeLate(text: string): void {
    if (this.#oldFd === undefined) throw new Error('Nothing was rotated');
    fs.writeSync(this.#oldFd, text);
  }

  /** TimedRotatingFileHandler: the file becomes `homeserver.log.<date>`, a new one is opened. */
  rotateDated(date: string): void {
    fs.renameSync(this.path, `${this.path}.${date}`);
    this.reopen();
  }

  /** logrotate, RotatingFileHandler: `.1` becomes `.2` and so on, those over `keep` go; then the file becomes `.1` and a new one is opened. */
  rotateNumbered(keep = 6): void {
    this.shiftNumbered(keep);
    this.reopen();
  }

  /** Only the renaming: the writer goes on in the renamed file, and the path is empty. */
  shiftNumbered(keep = 6): void {
    this.#makeRoom(keep);
    fs.renameSync(this.path, `${this.path}.1`);
  }

  /** Older generations, packed ones too, become one older. */
  #makeRoom(keep: number): void {
    for (const ending of ['', '.gz']) {
      const nameOf = (number: number): string => `${this.path}.${number}${ending}`;
      fs.rmSync(nameOf(keep), { force: true });
      for (let number = keep - 1; number >= 1; number--) {
        if (fs.existsSync(nameOf(number))) fs.renameSync(nameOf(number), nameOf(number + 1));
      }
    }
  }

  /** Opens the path anew, creating it: what a server does when it's told of a rotation. */
  reopen(): void {
    if (this.#oldFd !== undefined) fs.closeSync(this.#oldFd);
    this.#oldFd = this.#fd;
    this.#fd = fs.openSync(this.path, 'a');
  }

  /** logrotate's `create` while the server isn't told yet: a new empty file, which the server doesn't write to. */
  createEmpty(): void {
    fs.closeSync(fs.openSync(this.path, 'a'));
  }

  deleteAndCreate(): void {
    fs.rmSync(this.path);
    // The old descriptor would pin the inode.
    fs.closeSync(this.#fd);
    this.#fd = fs.openSync(this.path, 'a');
  }

  /** Copies to `.1` (after shifting the older ones) and empties the file in place; `lost` is written in between. */
  copyTruncate(lost = '', keep = 6): void {
    this.#makeRoom(keep);
    fs.copyFileSync(this.path, `${this.path}.1`);
    if (lost !== '') this.write(lost);
    this.truncate();
  }

  /** `> homeserver.log`. */
  truncate(): void {
    fs.ftruncateSync(this.#fd, 0);
  }

  /** The folder is moved away, and made anew with a new file in it. */
  replaceFolder(): void {
    fs.renameSync(dirname(this.path), `${dirname(this.path)}-old`);
    fs.mkdirSync(dirname(this.path));
    this.reopen();
  }

  /** Another file beside it, with the given content: `backup.log`. */
  writeSibling(name: string, text: string): string {
    const path = join(dirname(this.path), name);
    fs.writeFileSync(path, text);
    return path;
  }

  get name(): string {
    return basename(this.path);
  }

  close(): void {
    fs.closeSync(this.#fd);
    if (this.#oldFd !== undefined) fs.closeSync(this.#oldFd);
    this.#oldFd = undefined;
  }
}
