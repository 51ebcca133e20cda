/** Whole files for `analyze`: every byte, or a sentence why not. */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FEED_BUFFER_BYTES } from '../../../daemon/sources/chunk-feeder.ts';
import { readWholeFile } from '../../../daemon/sources/whole-file-reader.ts';
import { MAX_LINE_BYTES } from '../../../src/lines/chunk-consumer.ts';
import { FaultyFileSystem } from '../../testbench/faulty-file-system.ts';
import { RecordingConsumer } from '../../testbench/recording-consumer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

let folder: string;
let path: string;
let consumer: RecordingConsumer;

beforeEach(() => {
  folder = createTempFolder();
  path = join(folder, 'x.log');
  consumer = new RecordingConsumer({ keepsBytes: true });
});

const numbered = (count: number, padding = '') => Array.from({ length: count }, (_, index) => `line ${index} é${padding}`);
/** More than one step of the reader (8 MiB). */
const LARGE = numbered(30_000, 'x'.repeat(500));
const textOf = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
const chunked = async function* (bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
};

describe('plain files', () => {
  it('reads every line, the last one without newline too, then finishes', async () => {
    fs.writeFileSync(path, 'one\ntwo\nthree');
    expect(await readWholeFile(path, consumer)).toEqual({ bytesRead: 13 });
    expect(consumer.lines).toEqual(['one', 'two', 'three']);
    expect(consumer.finishCount).toBe(1);
  });

  it('has no problem with an empty file', async () => {
    fs.writeFileSync(path, '');
    expect(await readWholeFile(path, consumer)).toEqual({ bytesRead: 0 });
    expect([consumer.lines, consumer.finishCount]).toEqual([[], 1]);
  });

  it('reads a file larger than the buffer and the step, telling its progress, and lets the event loop run', async () => {
    const lines = LARGE;
    fs.writeFileSync(path, textOf(lines));
    const { size } = fs.statSync(path);
    const progress: (readonly number[])[] = [];
    let turns = 0;
    let isReading = true;
    const countTurn = (): void => {
      turns++;
      if (isReading) setImmediate(countTurn);
    };
    setImmediate(countTurn);
    const light = new RecordingConsumer();
    expect(await readWholeFile(path, light, (...step) => progress.push(step))).toEqual({ bytesRead: size });
    isReading = false;
    expect(light.lines.length).toBe(lines.length);
    expect(light.takenBytes).toBe(size);
    expect(progress.length).toBe(Math.ceil(size / (8 * 1024 * 1024)));
    expect(progress.at(-1)).toEqual([size, size]);
    expect(turns).toBeGreaterThanOrEqual(progress.length - 1);
  });

  it('cuts a line of 25 MB with a buffer that never grows', async () => {
    fs.writeFileSync(path, `before\n${'x'.repeat(25_000_000)}\nafter\n`);
    const light = new RecordingConsumer();
    await readWholeFile(path, light);
    expect(light.lines.map((line) => line.length)).toEqual([6, MAX_LINE_BYTES, 5]);
    expect(light.cutCount).toBe(1);
    expect(light.bufferBytes).toBe(FEED_BUFFER_BYTES);
    expect(light.longestBytes).toBeLessThanOrEqual(FEED_BUFFER_BYTES);
  });

  it('reads what is written while it reads', async () => {
    fs.writeFileSync(path, textOf(LARGE));
    const sizeAtOpen = fs.statSync(path).size;
    let appended = false;
    const result = await readWholeFile(path, consumer, () => {
      if (!appended) fs.appendFileSync(path, 'late\n');
      appended = true;
    });
    expect(result).toEqual({ bytesRead: sizeAtOpen + 5 });
    expect(consumer.lines.at(-1)).toBe('late');
  });

  it('says so when the file is emptied while it is read, and keeps what it read', async () => {
    fs.writeFileSync(path, textOf(LARGE));
    const result = await readWholeFile(path, consumer, () => fs.truncateSync(path));
    expect(result.problem).toBe(`Cannot read "${path}" to its end: it was emptied while it was read`);
    expect(result.bytesRead).toBeGreaterThanOrEqual(8 * 1024 * 1024);
    expect(consumer.takenBytes).toBe(result.bytesRead);
    expect(consumer.finishCount).toBe(1);
  });

  it('delivers what came before a read failed', async () => {
    fs.writeFileSync(path, textOf(LARGE));
    const fileSystem = new FaultyFileSystem();
    const result = await readWholeFile(path, consumer, () => fileSystem.fail('read', 'EIO'), { fileSystem });
    expect(result.problem).toBe(`Cannot read "${path}" to its end: EIO: injected, read '${path}'`);
    expect(result.bytesRead).toBeGreaterThanOrEqual(8 * 1024 * 1024);
    expect([consumer.takenBytes, consumer.finishCount]).toEqual([result.bytesRead, 1]);
    expect(fileSystem.openCount).toBe(0);
  });

  it('lets an error of the consumer through, and closes the file', async () => {
    fs.writeFileSync(path, 'x\n');
    const fileSystem = new FaultyFileSystem();
    const broken = Object.assign(new RecordingConsumer(), {
      read: () => {
        throw new TypeError('a mistake');
      },
    });
    await expect(readWholeFile(path, broken, undefined, { fileSystem })).rejects.toThrow('a mistake');
    fs.writeFileSync(path, gzipSync(textOf(LARGE)));
    await expect(readWholeFile(path, broken, undefined, { fileSystem })).rejects.toThrow('a mistake');
    expect(fileSystem.openCount).toBe(0);
  });
});

describe('files that are left out', () => {
  it.each([
    ['a directory', () => fs.mkdirSync(path), 'it is a directory, expected a file'],
    ['nothing', () => {}, 'it does not exist, expected a file'],
    ['UTF-16', () => fs.writeFileSync(path, '\ufefflog\n', 'utf16le'), 'binary data at byte 0 (UTF-16 text), expected a text or JSON log'],
    ['a binary', () => fs.copyFileSync('/bin/true', path), 'binary data at byte 7, expected a text or JSON log'],
    ['a gzipped binary', () => fs.writeFileSync(path, gzipSync(Buffer.alloc(9000))), 'binary data at byte 0, expected a text or JSON log'],
    [
      'a short gzipped binary',
      () => fs.writeFileSync(path, gzipSync(Buffer.alloc(9))),
      'binary data at byte 0, expected a text or JSON log',
    ],
    ['gzip in gzip', () => fs.writeFileSync(path, gzipSync(gzipSync('x\n'))), 'binary data at byte 0 (gzip), expected a text or JSON log'],
  ])('%s', async (_, create, reason) => {
    create();
    expect(await readWholeFile(path, consumer)).toEqual({ bytesRead: 0, problem: `Cannot read "${path}": ${reason}` });
    expect([consumer.takenBytes, consumer.finishCount]).toEqual([0, 0]);
  });

  it('one that may not be read', async () => {
    fs.writeFileSync(path, 'x\n');
    const fileSystem = new FaultyFileSystem();
    fileSystem.forbid(path);
    const result = await readWholeFile(path, consumer, undefined, { fileSystem });
    expect(result.problem).toBe(
      `Cannot read "${path}": permission denied, expected read permission on it and search permission on its folders`,
    );
  });
});

describe('gzip', () => {
  const read = async (bytes: Uint8Array) => {
    fs.writeFileSync(path, bytes);
    return readWholeFile(path, consumer);
  };

  it('is told by its first bytes, not by its name', async () => {
    fs.writeFileSync(join(folder, 'plain.gz'), 'plain\n');
    expect(await readWholeFile(join(folder, 'plain.gz'), consumer)).toEqual({ bytesRead: 6 });
    const bytes = gzipSync('packed\n');
    expect(await read(bytes)).toEqual({ bytesRead: bytes.length });
    expect(consumer.lines).toEqual(['plain', 'packed']);
  });

  it('is read member after member', async () => {
    const bytes = Buffer.concat(['one\ntw', '', 'o\n', 'three\n'].map((text) => gzipSync(text)));
    expect(await read(bytes)).toEqual({ bytesRead: bytes.length });
    expect(consumer.lines).toEqual(['one', 'two', 'three']);
    expect(consumer.finishCount).toBe(1);
  });

  it('counts compressed bytes as progress', async () => {
    const bytes = gzipSync(textOf(numbered(300_000)), { level: 1 });
    fs.writeFileSync(path, bytes);
    const progress: (readonly number[])[] = [];
    await readWholeFile(path, consumer, (...step) => progress.push(step));
    expect(progress.length).toBe(Math.ceil(bytes.length / 65536));
    expect(progress.at(-1)).toEqual([bytes.length, bytes.length]);
  });

  it('that stops in the middle is delivered up to there', async () => {
    const text = textOf(numbered(100_000));
    const bytes = gzipSync(text);
    const cut = bytes.subarray(0, Math.floor(bytes.length / 2));
    expect(await read(cut)).toEqual({
      bytesRead: cut.length,
      problem: `Cannot read "${path}" to its end: its gzip data stops in the middle, expected an end mark`,
    });
    expect(text.startsWith(consumer.bytes.toString())).toBe(true);
    // Half the compressed bytes are about half the text.
    expect(consumer.takenBytes).toBeGreaterThan(text.length * 0.4);
    expect(consumer.finishCount).toBe(1);
  });

  it.each([1, 8, 9])('that lacks its last %d bytes is delivered whole', async (missing) => {
    const bytes = gzipSync('one\ntwo\n');
    const result = await read(Buffer.concat([bytes, bytes.subarray(0, -missing)]));
    expect(result.problem).toContain('its gzip data stops in the middle');
    expect(consumer.lines.slice(0, 3)).toEqual(['one', 'two', 'one']);
    if (missing <= 8) expect(consumer.lines).toEqual(['one', 'two', 'one', 'two']);
  });

  it('of a header alone gives a problem and no line', async () => {
    expect((await read(gzipSync('x').subarray(0, 5))).problem).toContain('its gzip data stops in the middle');
    expect([consumer.lines, consumer.finishCount]).toEqual([[], 1]);
  });

  it('that is damaged is delivered up to there, but for what zlib was at', async () => {
    const text = textOf(numbered(100_000));
    const bytes = gzipSync(text);
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 64);
    const result = await read(damaged);
    expect(result.problem).toMatch(/to its end: its gzip data is damaged \(.+\)$/);
    expect(text.startsWith(consumer.bytes.toString())).toBe(true);
    expect(consumer.takenBytes).toBeGreaterThan(text.length * 0.4 - 64 * 1024);
  });

  it('may have zeros behind it, and nothing else', async () => {
    const bytes = gzipSync('one\n');
    expect((await read(Buffer.concat([bytes, Buffer.alloc(70_000)]))).problem).toBeUndefined();
    expect((await read(Buffer.concat([bytes, Buffer.alloc(9), Buffer.from('x')]))).problem).toBe(
      `Cannot read "${path}" to its end: behind its gzip data stands something else, expected nothing or another gzip member`,
    );
    expect((await read(Buffer.concat([bytes, Buffer.alloc(70_000), bytes]))).problem).toContain('stands something else');
    expect(consumer.lines).toEqual(['one', 'one', 'one']);
  });

  it('of 64 MiB of text needs no more memory than its buffers', async () => {
    const bytes = gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a line of text, again and again\n'));
    fs.writeFileSync(path, bytes);
    const light = new RecordingConsumer();
    let longest = 0;
    const counting = {
      read: (chunk: Uint8Array, length: number) => {
        longest = Math.max(longest, length);
        return chunk.lastIndexOf(10, length - 1) + 1;
      },
      begin: () => {},
      settle: () => 0,
      finish: light.finish.bind(light),
    };
    expect(await readWholeFile(path, counting)).toEqual({ bytesRead: bytes.length });
    expect(longest).toBeLessThan(FEED_BUFFER_BYTES);
  });
});

describe('standard input', () => {
  const read = (bytes: Uint8Array, size: number) => readWholeFile('-', consumer, undefined, { standardInput: chunked(bytes, size) });

  it.each([1, 3, 8192, 100_000])('is read in chunks of %d bytes, plain or gzip', async (size) => {
    const text = textOf(numbered(1000));
    expect(await read(Buffer.from(text), size)).toEqual({ bytesRead: Buffer.byteLength(text) });
    const packed = gzipSync(text);
    expect(await read(packed, size)).toEqual({ bytesRead: packed.length });
    expect(consumer.bytes.toString()).toBe(text + text);
    expect(consumer.finishCount).toBe(2);
  });

  it('may be empty', async () => {
    expect(await read(Buffer.alloc(0), 1)).toEqual({ bytesRead: 0 });
    expect([consumer.lines, consumer.finishCount]).toEqual([[], 1]);
  });

  it('that fails is delivered up to there', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one\n');
      throw Object.assign(new Error('EIO: gone'), { code: 'EIO' });
    };
    expect(await readWholeFile('-', consumer, undefined, { standardInput: failing() })).toEqual({
      bytesRead: 4,
      problem: 'Cannot read "-" to its end: EIO: gone',
    });
    expect(consumer.lines).toEqual(['one']);
  });

  it('that is no log is left alone and closed', async () => {
    let isClosed = false;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(1000);
      } finally {
        isClosed = true;
      }
    };
    const result = await readWholeFile('-', consumer, undefined, { standardInput: endless() });
    expect(result).toEqual({ bytesRead: 0, problem: 'Cannot read "-": binary data at byte 0, expected a text or JSON log' });
    expect(isClosed).toBe(true);
  });
});

describe('property', () => {
  it('any text comes whole, plain and packed, from a file and from standard input in any chunks', async () => {
    const line = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.constant('x'.repeat(3000)));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 40 }),
        fc.integer({ min: 1, max: 9000 }),
        fc.boolean(),
        async (lines, size, isPacked) => {
          const text = Buffer.from(`2026-06-30 12:00:00,123 - synapse - 1 - INFO - \n${lines.join('\n')}`);
          const half = Math.floor(text.length / 2);
          const bytes = isPacked ? Buffer.concat([gzipSync(text.subarray(0, half)), gzipSync(text.subarray(half))]) : text;
          fs.writeFileSync(path, bytes);
          const fromFile = new RecordingConsumer({ keepsBytes: true });
          const fromInput = new RecordingConsumer({ keepsBytes: true });
          await readWholeFile(path, fromFile);
          await readWholeFile('-', fromInput, undefined, { standardInput: chunked(bytes, size) });
          expect(fromFile.bytes.equals(text)).toBe(true);
          expect(fromInput.bytes.equals(text)).toBe(true);
          expect(fromInput.lines).toEqual(fromFile.lines);
        },
      ),
      { numRuns: 60 },
    );
  });
});
