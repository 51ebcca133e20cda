/**
 * What the doctor may ask of the machine. It only looks: no check changes anything.
 *
 * Everything answers instead of throwing: a file that isn't there, a program that isn't installed, a port nobody answers on are what the checks are about.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { createServer } from 'node:net';

export interface RunResult {
  /** null: it isn't there, or took too long. */
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

export interface FileLook {
  readonly kind: 'file' | 'folder' | 'other';
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface Machine {
  /** The user this runs as; only 0 can look with the service's eyes. */
  readonly uid: number;
  nowMs(): number;
  run(command: string, args: readonly string[]): RunResult;
  /** The code why not: ENOENT, EACCES, … */
  look(path: string): FileLook | string;
  /** Names in a folder; none where it can't be read. */
  names(folder: string): readonly string[];
  /** Null where it can't be read, or is larger than MAX_TEXT_BYTES. */
  readText(path: string): string | null;
  /** The last bytes of a file, at most so many; null where it can't be read. */
  readEnd(path: string, maxBytes: number): Uint8Array | null;
  /** Whether somebody listens there already. */
  isTaken(host: string, port: number): Promise<boolean>;
  /** Body of a GET; null for no answer, or another status than 200. */
  fetch(url: string): Promise<string | null>;
}

/** Chosen: configuration files are a few KiB. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** A program asked may take so long, in milliseconds. */
const RUN_TIMEOUT_MS = 10_000;

/** As an HTTP answer. */
const FETCH_TIMEOUT_MS = 3000;

export const thisMachine: Machine = {
  uid: process.getuid?.() ?? -1,
  nowMs: () => Date.now(),
  run: (command, args) => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: RUN_TIMEOUT_MS });
    return { exitCode: status, out: stdout ?? '', err: stderr ?? '' };
  },
  look: (path) => {
    try {
      const stats = statSync(path);
      return {
        kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other',
        sizeBytes: stats.size,
        modifiedMs: stats.mtimeMs,
      };
    } catch (error) {
      return codeOf(error);
    }
  },
  names: (folder) => {
    try {
      return readdirSync(folder).sort();
    } catch {
      return [];
    }
  },
  readText: (path) => {
    try {
      return statSync(path).size > MAX_TEXT_BYTES ? null : readFileSync(path, 'utf8');
    } catch {
      return null;
    }
  },
  readEnd: (path, maxBytes) => {
    try {
      const fd = openSync(path, 'r');
      try {
        const { size } = fstatSync(fd);
        const bytes = new Uint8Array(Math.min(size, maxBytes));
        return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, size - bytes.length));
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  },
  isTaken: (host, port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once('error', (error) => resolve(codeOf(error) === 'EADDRINUSE'));
      server.listen({ host, port }, () => server.close(() => resolve(false)));
    }),
  fetch: async (url) => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      return response.ok ? await response.text() : null;
    } catch {
      return null;
    }
  },
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
