/** The database of the state directory: whole commits, one user, and what becomes of files that can't be used. Real files, real SQLite. */
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openStateDatabase, type StateDatabase } from '../../../daemon/state/state-database.ts';
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

const rowsOf = (database: StateDatabase, stage: string): Record<string, string> => Object.fromEntries(database.rows(stage));

describe('a commit', () => {
  it('is there at the next start, all of it', () => {
    const first = open();
    expect(first.committedMs).toBeUndefined();
    first.commit({
      positions: [['homeserver.log', '{"at":1}']],
      stages: [
        {
          stage: 'devices',
          rows: [
            ['alice', '1'],
            ['bob', '2'],
          ],
        },
        { stage: 'traffic', rows: [['', '3']] },
      ],
      timeMs: NOW_MS,
    });
    first.commit({
      positions: [],
      stages: [
        {
          stage: 'devices',
          rows: [
            ['alice', null],
            ['bob', '4'],
            ['zoë', '5'],
          ],
        },
      ],
      timeMs: NOW_MS + 1,
    });
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

  it('that fails in the middle leaves nothing of itself, and the next one goes through', () => {
    const database = open();
    const failing = function* (): Iterable<readonly [string, string]> {
      yield ['one', '1'];
      throw new Error('in the middle');
    };
    const position = ['homeserver.log', '{}'] as const;
    expect(() => database.commit({ positions: [position], stages: [{ stage: 's', rows: failing() }], timeMs: NOW_MS })).toThrow(
      'in the middle',
    );
    expect([[...database.positions()], rowsOf(database, 's'), database.committedMs]).toEqual([[], {}, undefined]);
    database.commit({ positions: [position], stages: [], timeMs: NOW_MS });
    expect([...database.positions()]).toEqual([['homeserver.log', '{}']]);
  });

  it('that was not closed is there all the same: the process may be killed', () => {
    const first = open();
    first.commit({ positions: [['a', '1']], stages: [], timeMs: NOW_MS });
    // What a killed process leaves: the files as they are, and no lock.
    const copy = join(createTempFolder(), 'state');
    fs.cpSync(folder, copy, { recursive: true });
    folder = copy;
    expect([...open().positions()]).toEqual([['a', '1']]);
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
