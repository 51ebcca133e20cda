/**
 * The few calls into the file system that reading and following need, behind one small port.
 *
 * In: paths and descriptors. Out: FileLooks and bytes, or Node's error with its `code`. Tests put a file system that fails here: root, as which
 * tests often run, is refused nothing by a real one.
 */
import fs from 'node:fs';
import type { FileLook } from '../../src/tail/file-identity.ts';

/** What a path leads to; only a `file` can be followed (a pipe would block whoever opens it). */
export type NodeKind = 'file' | 'directory' | 'pipe' | 'socket' | 'device';

/** Every call throws Node's error with a `code` (ENOENT, EACCES, EIO …) when it fails. */
export interface SourceFileSystem {
  /** Opens for reading; never blocks on a pipe. */
  open(path: string): number;
  close(fd: number): void;
  /** Reads at most `length` bytes of the file at `position` (null: go on from the last read) to `buffer[offset…]`; 0 at its end. */
  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number | null): number;
  /** Follows symbolic links. */
  look(path: string): FileLook & { readonly kind: NodeKind };
  lookAtOpen(fd: number): FileLook;
  /** Throws EACCES when the file may not be read. */
  checkReadable(path: string): void;
  /** Names in a directory, without a path. */
  list(folder: string): string[];
  /** The path without symbolic links. */
  resolve(path: string): string;
}

/** The machine's file system. */
export const realFileSystem: SourceFileSystem = {
  open: (path) => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK),
  close: (fd) => fs.closeSync(fd),
  read: (fd, buffer, offset, length, position) => fs.readSync(fd, buffer, offset, length, position),
  look: (path) => {
    const stats = fs.statSync(path);
    return { ...toLook(stats), kind: kindOf(stats) };
  },
  lookAtOpen: (fd) => toLook(fs.fstatSync(fd)),
  checkReadable: (path) => fs.accessSync(path, fs.constants.R_OK),
  list: (folder) => fs.readdirSync(folder),
  resolve: (path) => fs.realpathSync.native(path),
};

function toLook(stats: fs.Stats): FileLook {
  return {
    dev: stats.dev,
    ino: stats.ino,
    birthtimeMs: stats.birthtimeMs,
    modifiedMs: stats.mtimeMs,
    sizeBytes: stats.size,
    linkCount: stats.nlink,
    access: `${stats.mode}:${stats.uid}:${stats.gid}`,
  };
}

function kindOf(stats: fs.Stats): NodeKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'device';
}
