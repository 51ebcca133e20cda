/** FILE arguments to files. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { findInputPaths } from '../../../daemon/sources/input-paths.ts';
import { FaultyFileSystem } from '../../testbench/faulty-file-system.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = createTempFolder();
  for (const name of ['a.log', 'a.log.1', 'b.log', 'brackets[1].log']) fs.writeFileSync(at(name), 'x\n');
  fs.mkdirSync(at('a.log.d'));
});

describe('findInputPaths', () => {
  it('keeps the order of the arguments', () => {
    expect(findInputPaths([at('b.log'), at('a.log')])).toEqual({ paths: [at('b.log'), at('a.log')], problems: [] });
  });

  it('gives nothing for no argument', () => {
    expect(findInputPaths([])).toEqual({ paths: [], problems: [] });
  });

  it('expands a pattern in a fixed order and passes over directories', () => {
    expect(findInputPaths([at('a.log*')])).toEqual({ paths: [at('a.log'), at('a.log.1')], problems: [] });
  });

  it('takes a file whose name looks like a pattern for that file', () => {
    expect(findInputPaths([at('brackets[1].log')])).toEqual({ paths: [at('brackets[1].log')], problems: [] });
  });

  it('says so when a pattern finds nothing, or only directories', () => {
    expect(findInputPaths([at('*.txt'), at('*.d')]).problems).toEqual([
      `Cannot read "${at('*.txt')}": no file matches this pattern, expected at least one`,
      `Cannot read "${at('*.d')}": no file matches this pattern, expected at least one`,
    ]);
  });

  it('takes standard input once', () => {
    expect(findInputPaths(['-', at('a.log'), '-'])).toEqual({ paths: ['-', at('a.log')], problems: [] });
  });

  it('collects every problem and goes on with the rest', () => {
    execFileSync('mkfifo', [at('pipe')]);
    expect(findInputPaths([at('none.log'), at('a.log.d'), at('a.log'), at('pipe'), '/dev/null', at('b.log/x')])).toEqual({
      paths: [at('a.log')],
      problems: [
        `Cannot read "${at('none.log')}": it does not exist, expected a file`,
        `Cannot read "${at('a.log.d')}": it is a directory, expected a file`,
        `Cannot read "${at('pipe')}": it is a pipe, expected a file`,
        'Cannot read "/dev/null": it is a device, expected a file',
        `Cannot read "${at('b.log/x')}": a part of its path is not a directory, expected one`,
      ],
    });
  });

  it('says so when a file may not be read', () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.forbid(at('a.log'));
    expect(findInputPaths([at('a.log'), at('b.log')], fileSystem)).toEqual({
      paths: [at('b.log')],
      problems: [`Cannot read "${at('a.log')}": permission denied, expected read permission on it and search permission on its folders`],
    });
  });

  it('keeps its own words for a failure it does not know', () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.fail('look', 'EIO');
    expect(findInputPaths([at('a.log')], fileSystem).problems).toEqual([
      `Cannot read "${at('a.log')}": EIO: injected, look '${at('a.log')}'`,
    ]);
  });

  it.each([
    ['the same argument', () => at('a.log')],
    ['another spelling', () => `${folder}/./a.log`],
    [
      'a hard link',
      () => {
        fs.linkSync(at('a.log'), at('hard.log'));
        return at('hard.log');
      },
    ],
    [
      'a symbolic link',
      () => {
        fs.symlinkSync(at('a.log'), at('current.log'));
        return at('current.log');
      },
    ],
    [
      'a linked folder',
      () => {
        fs.symlinkSync(folder, at('folder-link'));
        return at('folder-link/a.log');
      },
    ],
  ])('takes a file once that is also named by %s', (_, createOther) => {
    const other = createOther();
    expect(findInputPaths([at('a.log'), other])).toEqual({ paths: [at('a.log')], problems: [] });
  });

  it('prefers the name of the file itself to that of a link, in the place of the first', () => {
    fs.symlinkSync(at('a.log'), at('current.log'));
    expect(findInputPaths([at('current.log'), at('b.log'), at('a.log')]).paths).toEqual([at('a.log'), at('b.log')]);
  });

  it('keeps the name of a link that is the only one given', () => {
    fs.symlinkSync(at('a.log'), at('current.log'));
    expect(findInputPaths([at('current.log')]).paths).toEqual([at('current.log')]);
  });

  it('gives absolute paths for relative ones', () => {
    const here = process.cwd();
    process.chdir(folder);
    try {
      expect(findInputPaths(['a.log', './b.log', 'a.*.1'])).toEqual({ paths: [at('a.log'), at('b.log'), at('a.log.1')], problems: [] });
      expect(findInputPaths(['none.log']).problems).toEqual(['Cannot read "none.log": it does not exist, expected a file']);
    } finally {
      process.chdir(here);
    }
  });
});
