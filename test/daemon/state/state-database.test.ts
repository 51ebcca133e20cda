/** The database of the state directory: whole commits, one user, and what becomes of files that can't be used. Real files, real SQLite. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openStateDatabase, rewriteStateDatabase, type StateDatabase } from '../../../daemon/state/state-database.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

const NOW_MS = Date.UTC(2026, 10, 26, 0, 13, 5);

let folder: string;
let path: string;

beforeEach(() => {
  folder = join(createTempFolder(), 'state');
  path = join(folder, 'state.sqlite');
});

function open(): StateDatabase {
  const opened = openStateDatabase(folder, NOW_MS);
  if (opened.kind === 'refused') throw new Error(opened.message);
  onTestFinished(() => {
    try {
      opened.database.close();
    } catch {
      // It was closed by the test.
    }
  });
  return opened.database;
}

type Rows = readonly (readonly [stage: string, key: string, text: string | null])[];

function commit(database: StateDatabase, positions: Readonly<Record<string, string>>, rows: Rows, timeMs = NOW_MS): void {
  const writing = database.begin();
  for (const [source, position] of Object.entries(positions)) writing.position(source, position);
  for (const row of rows) writing.row(...row);
  writing.commit(timeMs);
}

/** To another process: within one, SQLite knows its own locks. */
function isUsable(path: string): boolean {
  const script = `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(path)}, { timeout: 0 }).exec('SELECT * FROM position')`;
  return spawnSync(process.execPath, ['-e', script]).status === 0;
}

const rowsOf = (database: StateDatabase, stage: string): Record<string, string> => Object.fromEntries(database.rows(stage));

describe('a commit', () => {
  it('is there at the next start, all of it', () => {
    const first = open();
    expect(first.committedMs).toBeUndefined();
    commit(first, { 'homeserver.log': '{"at":1}' }, [
      ['devices', 'alice', '1'],
      ['devices', 'bob', '2'],
      ['traffic', '', '3'],
    ]);
    const changes: Rows = [
      ['devices', 'alice', null],
      ['devices', 'bob', '4'],
      ['devices', 'zoë', '5'],
    ];
    commit(first, {}, changes, NOW_MS + 1);
    first.close();
    const second = open();
    expect(Object.fromEntries(second.positions())).toEqual({ 'homeserver.log': '{"at":1}' });
    expect([rowsOf(second, 'devices'), rowsOf(second, 'traffic'), rowsOf(second, 'other')]).toEqual([
      { bob: '4', zoë: '5' },
      { '': '3' },
      {},
    ]);
    expect(second.committedMs).toBe(NOW_MS + 1);
  });

  it('that is taken back leaves nothing of itself, and the next one goes through', () => {
    const database = open();
    const writing = database.begin();
    writing.position('homeserver.log', '{}');
    writing.row('s', 'one', '1');
    writing.rollback();
    writing.rollback();
    expect([[...database.positions()], rowsOf(database, 's'), database.committedMs]).toEqual([[], {}, undefined]);
    commit(database, { 'homeserver.log': '{}' }, []);
    expect([...database.positions()]).toEqual([['homeserver.log', '{}']]);
  });

  it('that was not closed is there all the same: the process may be killed', () => {
    const first = open();
    commit(first, { a: '1' }, []);
    // What a killed process leaves: the files as they are, and no lock.
    const copy = join(createTempFolder(), 'state');
    fs.cpSync(folder, copy, { recursive: true });
    folder = copy;
    expect([...open().positions()]).toEqual([['a', '1']]);
  });
});

describe('the log of the last commits', () => {
  const logBytes = () => fs.statSync(`${path}-wal`).size;
  const fill = (database: StateDatabase, rowCount: number, letter = 'x'): void =>
    commit(
      database,
      {},
      Array.from({ length: rowCount }, (_, i) => ['s', String(i), letter.repeat(4000)]),
    );

  it('grows until somebody makes the checkpoint that is due, and is empty then', async () => {
    const database = open();
    fill(database, 10);
    expect(database.isCheckpointDue).toBe(false);
    // More than twice what SQLite would have moved by itself.
    for (const letter of 'abcd') fill(database, 1000, letter);
    expect([database.isCheckpointDue, logBytes() > 2 * 1000 * 4096]).toEqual([true, true]);
    await database.syncLog();
    expect([database.checkpoint(), logBytes(), database.isCheckpointDue]).toEqual([true, 0, false]);
    expect(Object.keys(rowsOf(database, 's'))).toHaveLength(1000);
  });

  it('is synced without letting go of the database', async () => {
    const database = open();
    fill(database, 1);
    await database.syncLog();
    expect(isUsable(path)).toBe(false);
  });

  it('stays while a commit is under way', () => {
    const database = open();
    fill(database, 1000);
    const writing = database.begin();
    writing.row('s', 'later', '1');
    expect([database.checkpoint(), logBytes() > 0]).toEqual([false, true]);
    writing.commit(NOW_MS);
    expect([database.checkpoint(), logBytes()]).toEqual([true, 0]);
  });
});

describe('a second process', () => {
  it('is refused while the first one is there, and not after', () => {
    const first = open();
    expect(openStateDatabase(folder, NOW_MS)).toEqual({
      kind: 'refused',
      reason: 'in_use',
      message: `Cannot keep state in "${path}": another process uses it, expected one watcher for each state directory`,
    });
    first.close();
    expect(openStateDatabase(folder, NOW_MS).kind).toBe('opened');
  });
});

describe('a file that cannot be used', () => {
  const movedTo = () => `${path}.2026-11-26T00-13-05Z`;
  const createForeign = (): void => {
    const database = new DatabaseSync(path);
    database.exec('CREATE TABLE theirs (a TEXT)');
    database.close();
  };
  const damage = (): void => {
    open().close();
    const bytes = fs.readFileSync(path);
    bytes.fill(0xff, 4096);
    fs.writeFileSync(path, bytes);
  };

  it.each([
    [
      'no database',
      () => fs.writeFileSync(path, 'hello, this is not a database, and long enough to be looked at as one'),
      /not a database/,
    ],
    ['half a database', damage, /malformed|corrupt|btree|tree/i],
    ['the database of another program', createForeign, /another program/],
    ['a directory', () => fs.mkdirSync(path), /directory/],
  ])('(%s) is set aside under a dated name, and a new one begun', (_, create, reason) => {
    fs.mkdirSync(folder, { recursive: true });
    create();
    const before = fs.statSync(path).isFile() ? fs.readFileSync(path) : undefined;
    const opened = openStateDatabase(folder, NOW_MS);
    expect(opened).toMatchObject({ kind: 'opened', setAside: { movedTo: movedTo(), reason: expect.stringMatching(reason) } });
    if (opened.kind !== 'opened') return;
    onTestFinished(() => opened.database.close());
    expect([...opened.database.positions()]).toEqual([]);
    if (before !== undefined) expect(fs.readFileSync(movedTo()).equals(before)).toBe(true);
  });

  it('does not push aside one that was set aside in the same second', () => {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(movedTo(), 'earlier');
    fs.mkdirSync(path);
    expect(openStateDatabase(folder, NOW_MS)).toMatchObject({ setAside: { movedTo: `${movedTo()}-2` } });
    expect(fs.readFileSync(movedTo(), 'utf8')).toBe('earlier');
  });

  it('(an empty one) is begun', () => {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path, '');
    expect(openStateDatabase(folder, NOW_MS)).toMatchObject({ kind: 'opened', setAside: undefined });
  });

  it('(of a newer version) is refused and left alone', () => {
    open().close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const before = fs.readFileSync(path);
    expect(openStateDatabase(folder, NOW_MS)).toMatchObject({
      kind: 'refused',
      reason: 'newer',
      message: expect.stringContaining('its form is 99'),
    });
    expect(fs.readFileSync(path).equals(before)).toBe(true);
    expect(fs.readdirSync(folder)).toEqual(['state.sqlite']);
  });

  it('(a folder that cannot be made) is told', () => {
    fs.writeFileSync(folder, 'a file');
    expect(openStateDatabase(folder, NOW_MS)).toMatchObject({
      kind: 'refused',
      reason: 'unusable',
      message: expect.stringContaining(path),
    });
  });
});

describe('a database whose file is gone from its path while it is open', () => {
  /** Rows that are in the log alone, and rows that a checkpoint moved. */
  const openFilled = (): StateDatabase => {
    const database = open();
    commit(database, { 'homeserver.log': '{"at":1}' }, [['devices', 'alice', '1']]);
    database.checkpoint();
    commit(database, {}, [['devices', 'bob', '2']], NOW_MS + 1);
    return database;
  };
  /** As a start after a kill -9 finds it. */
  const afterKill = (): StateDatabase => {
    const copy = join(createTempFolder(), 'state');
    fs.cpSync(folder, copy, { recursive: true });
    folder = copy;
    return open();
  };
  const remove = (names: readonly string[]) => () => {
    for (const name of names) fs.rmSync(join(folder, name));
  };

  it('knows that it stands where it was opened', () => {
    expect(openFilled().isAtItsPath).toBe(true);
  });

  it.each([
    ['deleted', remove(['state.sqlite']), undefined],
    ['deleted with its log', remove(['state.sqlite', 'state.sqlite-wal']), undefined],
    ['moved away', () => fs.renameSync(path, `${path}.moved`), undefined],
    ['gone with its folder', () => fs.rmSync(folder, { recursive: true }), undefined],
    [
      'replaced by another file',
      () => {
        fs.renameSync(path, `${path}.moved`);
        fs.writeFileSync(path, 'another');
      },
      `state.sqlite.2026-11-26T00-13-05Z`,
    ],
  ])('(%s) is written anew there, whole, and goes on', (_, lose, movedTo) => {
    const lost = openFilled();
    lose();
    expect(lost.isAtItsPath).toBe(false);
    const { database, setAside } = rewriteStateDatabase(lost, NOW_MS);
    onTestFinished(() => database.close());
    expect(setAside).toBe(movedTo === undefined ? undefined : join(folder, movedTo));
    if (setAside !== undefined) expect(fs.readFileSync(setAside, 'utf8')).toBe('another');
    expect([database.isAtItsPath, Object.fromEntries(database.positions()), rowsOf(database, 'devices'), database.committedMs]).toEqual([
      true,
      { 'homeserver.log': '{"at":1}' },
      { alice: '1', bob: '2' },
      NOW_MS + 1,
    ]);
    commit(database, {}, [['devices', 'carol', '3']]);
    // Before the copy: closing a file that was opened lets go of all locks that this process has on it.
    expect(isUsable(path)).toBe(false);
    expect(rowsOf(afterKill(), 'devices')).toEqual({ alice: '1', bob: '2', carol: '3' });
  });

  it('that cannot be written anew is as it was, and can be later', () => {
    const lost = openFilled();
    fs.rmSync(folder, { recursive: true });
    fs.writeFileSync(folder, 'in the way');
    expect(() => rewriteStateDatabase(lost, NOW_MS)).toThrow();
    commit(lost, {}, [['devices', 'carol', '3']]);
    fs.rmSync(folder);
    const { database } = rewriteStateDatabase(lost, NOW_MS);
    expect(rowsOf(database, 'devices')).toEqual({ alice: '1', bob: '2', carol: '3' });
    database.close();
  });
});
