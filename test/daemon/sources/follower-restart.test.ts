/** A follower that is killed and started again where it stood, with everything that may have happened to the files meanwhile. */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { FollowBench } from '../../testbench/follow-bench.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

/** Long enough to know a file by. */
const STAMP = '2026-06-30 12:00:00,123 - synapse.access - ';
const line = (name: string): string => `${STAMP}${name}\n`;

let folder: string;
let path: string;
let writer: LogWriter;

beforeEach(() => {
  folder = join(createTempFolder(), 'logs');
  fs.mkdirSync(folder);
  path = join(folder, 'homeserver.log');
  writer = new LogWriter(path);
  onTestFinished(() => writer.close());
});

function stopAtEnd(bench: FollowBench): FollowBench {
  onTestFinished(() => {
    bench.follower.stop();
    expect(bench.fileSystem.openCount).toBe(0);
  });
  return bench;
}

const namesIn = (bench: FollowBench): string[] => bench.lines.map((text) => text.slice(STAMP.length));

/** As logrotate and gzip do it: the packed file keeps the time of the last write. */
function pack(name: string): void {
  const file = join(folder, name);
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(`${file}.gz`, gzipSync(fs.readFileSync(file)));
  fs.utimesSync(`${file}.gz`, atime, mtime);
  fs.rmSync(file);
}

/** Times of writes are told apart by the file system's clock, 4 ms coarse; a rotation is further from the next than that. */
function later(name: string, seconds: number): void {
  const time = new Date(Date.now() + seconds * 1000);
  fs.utimesSync(join(folder, name), time, time);
}

describe('a restart', () => {
  it.each<[string, () => void, string[], string[]]>([
    ['with nothing new', () => {}, [], []],
    ['after more was written', () => writer.write(line('two')), ['two'], []],
    [
      'after a rotation by number',
      () => {
        writer.write(line('two'));
        writer.rotateNumbered();
        writer.write(line('three'));
      },
      ['two', 'three'],
      [],
    ],
    [
      'after a rotation by date',
      () => {
        writer.write(line('two'));
        writer.rotateDated('2026-06-30');
        writer.write(line('three'));
      },
      ['two', 'three'],
      [],
    ],
    [
      'after three rotations, generations packed but the newest',
      () => {
        writer.write(line('two'));
        writer.rotateNumbered();
        writer.write(line('three'));
        writer.rotateNumbered();
        writer.write(line('four'));
        writer.rotateNumbered();
        pack('homeserver.log.3');
        pack('homeserver.log.2');
        writer.write(line('five'));
      },
      ['two', 'three', 'four', 'five'],
      [],
    ],
    [
      'after the file was packed, with older packed ones beside it',
      () => {
        for (const number of [2, 3]) {
          writer.writeSibling(`homeserver.log.${number}`, line(`OLD ${number}`));
          later(`homeserver.log.${number}`, -3600 * number);
          pack(`homeserver.log.${number}`);
        }
        writer.write(line('two'));
        writer.shiftNumbered();
        pack('homeserver.log.1');
        writer.reopen();
        writer.write(line('three'));
      },
      ['two', 'three'],
      [],
    ],
    [
      'after the file was deleted and made anew',
      () => {
        writer.write(line('lost'));
        writer.deleteAndCreate();
        writer.write(line('new'));
      },
      ['new'],
      ['deleted'],
    ],
    [
      'after it was rotated out of the folder, with a later generation still there',
      () => {
        writer.write(line('lost'));
        writer.rotateNumbered();
        writer.write(line('two'));
        later('homeserver.log', 10);
        writer.rotateNumbered();
        fs.rmSync(`${path}.2`);
        writer.write(line('three'));
      },
      ['two', 'three'],
      ['deleted'],
    ],
    [
      'after it was emptied',
      () => {
        writer.write(line('lost'));
        writer.truncate();
        writer.write(line('new'));
      },
      ['new'],
      ['truncated'],
    ],
    [
      'after it was emptied and has grown past the position',
      () => {
        writer.truncate();
        writer.write(line('new and longer than what was there'));
      },
      ['new and longer than what was there'],
      ['truncated'],
    ],
    [
      'after it was copied and emptied',
      () => {
        writer.write(line('two'));
        writer.copyTruncate();
        writer.write(line('three'));
      },
      ['two', 'three'],
      ['truncated'],
    ],
    [
      'after it was copied and emptied twice, the older copy packed',
      () => {
        writer.write(line('two'));
        writer.copyTruncate();
        writer.write(line('three'));
        writer.copyTruncate();
        pack('homeserver.log.2');
        writer.write(line('four'));
      },
      ['two', 'three', 'four'],
      ['truncated', 'truncated'],
    ],
    [
      'after a copy was put back in its place',
      () => {
        writer.write(line('two'));
        fs.copyFileSync(path, `${path}.tmp`);
        fs.renameSync(`${path}.tmp`, path);
        writer.reopen();
        writer.write(line('three'));
      },
      ['two', 'three'],
      [],
    ],
    [
      'after the folder was copied to another place and back, the rotated generation with it',
      () => {
        writer.write(line('two'));
        writer.rotateNumbered();
        writer.write(line('three'));
        fs.cpSync(folder, `${folder}-copy`, { recursive: true, preserveTimestamps: true });
        fs.rmSync(folder, { recursive: true });
        fs.renameSync(`${folder}-copy`, folder);
      },
      ['two', 'three'],
      [],
    ],
    [
      'after the path led to another file',
      () => {
        writer.write(line('two'));
        fs.renameSync(path, join(folder, 'homeserver.log.1'));
        fs.writeFileSync(join(folder, 'elsewhere'), line('three'));
        fs.symlinkSync(join(folder, 'elsewhere'), path);
      },
      ['two', 'three'],
      [],
    ],
  ])('%s', async (_, meanwhile, expected, gaps) => {
    writer.write(line('one'));
    const bench = new FollowBench(path).start();
    const next = stopAtEnd(bench.restart(meanwhile));
    await next.restLong();
    expect(namesIn(next)).toEqual(['one', ...expected]);
    expect(next.gaps.map(({ reason }) => reason)).toEqual(gaps);
  });

  it('presents again what was held', async () => {
    writer.write(`${line('one')}${STAMP}ha`);
    const bench = new FollowBench(path, { holdsLastLine: true }).start();
    expect(bench.lines).toEqual([]);
    const next = stopAtEnd(bench.restart(() => writer.write('lf\n')));
    await next.restLong();
    expect(namesIn(next)).toEqual(['one', 'half']);
  });

  it('tells where in the file it goes on', async () => {
    writer.write(line('one'));
    const next = stopAtEnd(new FollowBench(path).start().restart());
    await next.restLong();
    expect(next.consumer.begins).toEqual([line('one').length]);
  });

  it('before there was a file reads it from its beginning, also where the end was asked for', async () => {
    fs.rmSync(path);
    const bench = new FollowBench(path).start('end');
    const next = stopAtEnd(
      bench.restart(() => {
        writer.reopen();
        writer.write(line('one'));
      }),
    );
    await next.restLong();
    expect(namesIn(next)).toEqual(['one']);
  });

  it('of a follower that began at the end goes on there', async () => {
    writer.write(line('old'));
    const next = stopAtEnd(new FollowBench(path).start('end').restart(() => writer.write(line('new'))));
    await next.restLong();
    expect(namesIn(next)).toEqual(['new']);
  });

  it('gives nothing up while there is no file: its file system may come later', async () => {
    writer.write(line('one'));
    const bench = new FollowBench(path).start();
    const next = stopAtEnd(bench.restart(() => fs.renameSync(folder, `${folder}-unmounted`)));
    await next.restLong();
    expect(next.events).toEqual([`problem Cannot read "${path}": it does not exist, expected a file`, 'caught up']);
    // Killed again meanwhile, it still knows.
    const third = stopAtEnd(next.restart());
    await third.restLong();
    fs.renameSync(`${folder}-unmounted`, folder);
    writer.write(line('two'));
    await third.restLong();
    expect(namesIn(third)).toEqual(['one', 'two']);
    expect(third.gaps).toEqual([]);
  });

  it('waits for permission, and loses nothing then', async () => {
    writer.write(line('one'));
    const bench = new FollowBench(path).start();
    const position = bench.follower.position();
    bench.follower.stop();
    writer.write(line('two'));
    const next = stopAtEnd(new FollowBench(path));
    next.fileSystem.forbid(path);
    next.start(position);
    await next.restLong();
    expect([next.lines, next.gaps]).toEqual([[], []]);
    next.fileSystem.heal();
    await next.restLong();
    expect(namesIn(next)).toEqual(['two']);
  });

  it('in the middle of a packed generation goes on at the right unpacked byte', async () => {
    const many = Array.from({ length: 20_000 }, (_, number) => line(`number ${number}`));
    writer.write(line('one'));
    const bench = new FollowBench(path).start();
    writer.rotateNumbered();
    writer.write(many.join(''));
    writer.rotateNumbered();
    pack('homeserver.log.1');
    writer.write(line('last'));
    bench.rest();
    // Killed as soon as some of it is unpacked.
    while (bench.lines.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(bench.lines.length).toBeLessThan(many.length);
    const next = stopAtEnd(bench.restart());
    await next.restLong();
    expect(next.lines).toEqual([line('one'), ...many, line('last')].map((text) => text.trim()));
    expect(next.gaps).toEqual([]);
  });

  it('does not take a file for the known one that got its inode', async ({ skip }) => {
    writer.write(line('one'));
    const { ino } = fs.statSync(path);
    const bench = new FollowBench(path).start();
    const next = stopAtEnd(
      bench.restart(() => {
        writer.deleteAndCreate();
        writer.write(line('another one, longer'));
      }),
    );
    if (fs.statSync(path).ino !== ino) skip('the inode did not come again on this file system');
    await next.restLong();
    expect(namesIn(next)).toEqual(['one', 'another one, longer']);
  });
});

describe('a first start at the oldest generation', () => {
  it('reads all generations, packed ones too, and the live file last', async () => {
    writer.write(line('one'));
    for (const name of ['two', 'three', 'four']) {
      writer.rotateNumbered();
      writer.write(line(name));
    }
    pack('homeserver.log.3');
    pack('homeserver.log.2');
    const bench = stopAtEnd(new FollowBench(path).start('oldest'));
    await bench.restLong();
    expect(namesIn(bench)).toEqual(['one', 'two', 'three', 'four']);
    expect(bench.gaps).toEqual([]);
  });

  it('reads the live file where there is none', async () => {
    writer.write(line('one'));
    const bench = stopAtEnd(new FollowBench(path).start('oldest'));
    await bench.restLong();
    expect(namesIn(bench)).toEqual(['one']);
  });
});
