/**
 * The database of the state directory: everything of one commit, or nothing.
 *
 * In: rows that changed. Out: all rows, at start. Invariants: one process at a time (an exclusive lock of SQLite's, which the system lets go however the
 * process ends); a file that can't be used is set aside, never overwritten; a newer program's file is refused.
 *
 * WAL with `synchronous = NORMAL`: a commit is one append without fsync (1 to 3 ms for 1,000 rows), and only a checkpoint, every some thousand pages, waits for the
 * disk. kill -9 loses nothing of a commit. A power cut may undo the last commits, whole ones, newest first: positions and values go back together, so the log is
 * read again from there. With FULL each commit would wait for the disk, in the loop that serves scrapes; with OFF a power cut could damage the file.
 *
 * SQLite's own checkpoints come inside of a commit and double its time, so they are switched off: whoever commits asks `isCheckpointDue` and calls
 * `checkpoint` in a turn of its own.
 */
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { VERSION } from '../version.ts';
import { APPLICATION_ID, migrationsFrom, SCHEMA_VERSION } from './schema.ts';

/** Set aside: what was there couldn't be used and has another name now. */
export interface SetAside {
  readonly movedTo: string;
  readonly reason: string;
}

/** One transaction. Whoever has one ends it, one way or the other: until then nothing else can be written. Every call throws SQLite's error. */
export interface Writing {
  position(source: string, position: string): void;
  /** null: the row is gone. */
  row(stage: string, key: string, text: string | null): void;
  /** @param timeMs wall clock */
  commit(timeMs: number): void;
  /** Nothing of it is written. Never throws. */
  rollback(): void;
}

export type OpenedState =
  | { readonly kind: 'opened'; readonly database: StateDatabase; readonly setAside: SetAside | undefined }
  /** `in_use`, `unusable`: may be otherwise in a moment. `newer`: stays so. `message` is a sentence of the house. */
  | { readonly kind: 'refused'; readonly reason: 'in_use' | 'unusable' | 'newer'; readonly message: string };

const FILE_NAME = 'state.sqlite';
/** SQLite's companions of a database in WAL mode. */
const COMPANIONS = ['-wal', '-shm', '-journal'];

/** Size of the log, in bytes, from which a checkpoint is due: SQLite's default (1,000 pages of 4 KiB). It's empty after one, so a burst doesn't keep the disk. */
const CHECKPOINT_BYTES = 1000 * 4096;
/** SQLite's page cache, in KiB. Its default is 2 MiB; measured no slower at 100,000 devices. */
const CACHE_KIB = 8192;

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** Opens, or makes, the database of `folder`. Throws nothing that the file system or SQLite say. */
export function openStateDatabase(folder: string, nowMs: number): OpenedState {
  const path = join(folder, FILE_NAME);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const first = tryOpen(path);
    if (first instanceof StateDatabase) return { kind: 'opened', database: first, setAside: undefined };
    if ('refused' in first) return { kind: 'refused', ...first.refused };
    const setAside = { movedTo: moveAside(path, nowMs), reason: first.unfit };
    const second = tryOpen(path);
    if (second instanceof StateDatabase) return { kind: 'opened', database: second, setAside };
    return unusable(path, 'unfit' in second ? second.unfit : second.refused.message);
  } catch (error) {
    return unusable(path, messageOf(error));
  }
}

export class StateDatabase {
  readonly path: string;
  /** There was nothing before. */
  readonly isNew: boolean;
  readonly #database: DatabaseSync;
  readonly #putPosition: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #stamp: StatementSync;
  /** Device and inode of the file that was opened. */
  readonly #file: string | undefined;

  /** For openStateDatabase. */
  constructor(path: string, database: DatabaseSync, isNew: boolean) {
    this.path = path;
    this.isNew = isNew;
    this.#database = database;
    this.#file = identityOf(path);
    this.#putPosition = database.prepare('INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position');
    this.#put = database.prepare('INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text');
    this.#remove = database.prepare('DELETE FROM kept WHERE stage = ? AND key = ?');
    this.#stamp = database.prepare(
      'INSERT INTO committed VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET time_ms = excluded.time_ms, version = excluded.version',
    );
  }

  /** Wall clock of the last commit; undefined: none yet. */
  get committedMs(): number | undefined {
    const row = this.#database.prepare('SELECT time_ms FROM committed').get();
    return row === undefined ? undefined : Number(row['time_ms']);
  }

  /** In bytes, as SQLite counts it: without the log of the last commits. */
  get sizeBytes(): number {
    const pages = this.#database.prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size').get();
    return Number(pages?.['bytes']);
  }

  positions(): ReadonlyMap<string, string> {
    const rows = this.#database.prepare('SELECT source, position FROM position').all();
    return new Map(rows.map(({ source, position }) => [String(source), String(position)]));
  }

  *rows(stage: string): Iterable<readonly [key: string, text: string]> {
    for (const { key, text } of this.#database.prepare('SELECT key, text FROM kept WHERE stage = ? ORDER BY key').iterate(stage))
      yield [String(key), String(text)];
  }

  /** Begins a transaction. */
  begin(): Writing {
    this.#database.exec('BEGIN IMMEDIATE');
    return {
      position: (source, position) => void this.#putPosition.run(source, position),
      row: (stage, key, text) => void (text === null ? this.#remove.run(stage, key) : this.#put.run(stage, key, text)),
      commit: (timeMs) => {
        this.#stamp.run(timeMs, VERSION);
        this.#database.exec('COMMIT');
      },
      rollback: () => {
        // SQLite takes some transactions back by itself (a full disk).
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      },
    };
  }

  /** The log of the last commits is large enough to be moved into the database. */
  get isCheckpointDue(): boolean {
    return (statSync(this.#logPath, { throwIfNoEntry: false })?.size ?? 0) >= CHECKPOINT_BYTES;
  }

  /**
   * Moves what was committed into the database, and waits for the disk: for the log (what `syncLog` did is done) and for the database. False: it can't be done at the
   * moment, for what reason ever, and all stays in the log.
   */
  checkpoint(): boolean {
    try {
      return this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
    } catch {
      return false;
    }
  }

  /** Has the disk write the log while the event loop goes on. Only saves time: a checkpoint does it, too. Rejects with the system's error. */
  async syncLog(): Promise<void> {
    // Closing it lets go of no lock: in this mode SQLite has none on the log.
    const log = await open(this.#logPath, 'r');
    try {
      await log.datasync();
    } finally {
      await log.close();
    }
  }

  get #logPath(): string {
    return `${this.path}-wal`;
  }

  /**
   * The file at the path is the one that is open. SQLite doesn't mind if it isn't: it would write on in a file that nobody finds again. What can't be looked at
   * counts as being there.
   */
  get isAtItsPath(): boolean {
    try {
      return identityOf(this.path) === this.#file;
    } catch {
      return true;
    }
  }

  /** Writes all of it into a new file. Throws SQLite's error. */
  copyTo(path: string): void {
    this.#database.prepare('VACUUM INTO ?').run(path);
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * For a database that isn't at its path any more: writes all that it holds (its descriptor is open) into a new one there, and closes the old. `setAside`: the name that
 * another file has now which had been put there. Takes about half a second for 100,000 devices. Throws what the system or SQLite say; then the old one is as it was.
 */
export function rewriteStateDatabase(
  lost: StateDatabase,
  nowMs: number,
): { readonly database: StateDatabase; readonly setAside: string | undefined } {
  const { path } = lost;
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const setAside = exists(path) ? moveAside(path, nowMs) : undefined;
  // A log that was left behind goes: SQLite deletes what lies beside a database that is empty.
  lost.copyTo(path);
  const opened = tryOpen(path);
  if (!(opened instanceof StateDatabase)) throw new Error('unfit' in opened ? opened.unfit : opened.refused.message);
  // SQLite sees that its file has moved and leaves the new one's log alone.
  lost.close();
  return { database: opened, setAside };
}

/** SQLite's code for an error of its own, without the details in its upper bits; −1 for any other error. */
function sqliteCodeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : -1;
}

type Tried =
  | StateDatabase
  | { readonly refused: { readonly reason: 'in_use' | 'newer'; readonly message: string } }
  /** Damaged, or something else. */
  | { readonly unfit: string };

/** Throws what says nothing of the file's content: no permission, no space. */
function tryOpen(path: string): Tried {
  if (isDirectory(path)) return { unfit: 'it is a directory' };
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    const tried = prepare(path, database);
    if (!(tried instanceof StateDatabase)) database.close();
    return tried;
  } catch (error) {
    database.close();
    const code = sqliteCodeOf(error);
    if (code === BUSY || code === LOCKED) return { refused: { reason: 'in_use', message: describeInUse(path) } };
    if (code === CORRUPT || code === NOT_A_DATABASE) return { unfit: messageOf(error) };
    throw error;
  }
}

function prepare(path: string, database: DatabaseSync): Tried {
  // Before anything is read: SQLite takes the lock with the first access and keeps it.
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  const isEmpty = Number(database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']) === 0;
  const applicationId = numberOf(database, 'application_id');
  if (!isEmpty && applicationId !== APPLICATION_ID) return { unfit: 'it is the database of another program' };
  const version = numberOf(database, 'user_version');
  if (version > SCHEMA_VERSION) return { refused: { reason: 'newer', message: describeNewer(path, version) } };
  const check = String(database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']);
  if (check !== 'ok') return { unfit: check };
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -${CACHE_KIB}`);
  migrate(database, version);
  return new StateDatabase(path, database, isEmpty);
}

function migrate(database: DatabaseSync, version: number): void {
  const migrations = migrationsFrom(version);
  if (migrations.length === 0) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const statements of migrations) database.exec(statements);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function numberOf(database: DatabaseSync, pragma: string): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}

/** `state.sqlite.2026-11-26T00-13-05Z`; with its companions, without which it can't be examined. */
function moveAside(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '-');
  let movedTo = `${path}.${stamp}Z`;
  for (let count = 2; exists(movedTo); count++) movedTo = `${path}.${stamp}Z-${count}`;
  renameSync(path, movedTo);
  for (const companion of COMPANIONS) {
    try {
      renameSync(path + companion, movedTo + companion);
    } catch {
      // It isn't there. If it can't be moved, it must not be taken for the new database's.
      rmSync(path + companion, { force: true });
    }
  }
  return movedTo;
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats && `${stats.dev}:${stats.ino}`;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function unusable(path: string, reason: string): OpenedState {
  return {
    kind: 'refused',
    reason: 'unusable',
    message: `Cannot keep state in "${path}": ${reason}, expected a folder that can be written`,
  };
}

function describeInUse(path: string): string {
  return `Cannot keep state in "${path}": another process uses it, expected one watcher for each state directory`;
}

function describeNewer(path: string, version: number): string {
  return `Cannot keep state in "${path}": its form is ${version}, expected at most ${SCHEMA_VERSION}; a newer version of this program wrote it (use that one, or another state_directory)`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
