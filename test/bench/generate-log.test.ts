/**
 * In: small generated logs of every profile. Out: proof that they're the same everywhere, and that their truth is what an independent
 * slow reader finds in them. All exactness tests of this project rest on the second.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { keyId } from './generator/cast.ts';
import { writeLog } from './generator/log-file.ts';
import { LogStream } from './generator/log-stream.ts';
import { PROFILES, type Profile, type Truth } from './generator/truth.ts';
import type { LogOptions } from './generator/world.ts';
import { parseSize } from './size.ts';
import { readSlowly } from './slow-reader.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lotus-generate-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const MIB = 1024 ** 2;
const START_MS = Date.parse('2026-06-30T12:00:00Z');

function options(profile: Profile, seed = 1): LogOptions {
  return { profile, seed, linesPerSecond: 500, startMs: START_MS, wedgedCount: 40 };
}

function generate(profile: Profile, sizeBytes: number, seed = 1): { bytes: Buffer; truth: Truth } {
  const file = path.join(folder, `${profile}-${seed}-${sizeBytes}.log`);
  const fd = fs.openSync(file, 'w');
  const truth = writeLog(options(profile, seed), sizeBytes, fd);
  fs.closeSync(fd);
  return { bytes: fs.readFileSync(file), truth };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

describe('determinism', () => {
  // A change of these is a change of every benchmark's input: old and new numbers can't be compared any more.
  it.each([
    ['info', '30a504a6f37e3b69'],
    ['todevice', 'a6c9eedc47d27d06'],
    ['debug', 'd646d71a2b715533'],
    ['hostile', '8d07ab7ec194df5a'],
  ] as const)('1 MiB of %s has the same bytes on every machine', (profile, hash) => {
    expect(sha256(generate(profile, MIB).bytes)).toBe(hash);
  });

  it('another seed gives another log', () => {
    expect(sha256(generate('info', MIB, 2).bytes)).not.toBe(sha256(generate('info', MIB, 1).bytes));
  });

  it('the command writes what the function writes, and the truth beside it', () => {
    const log = path.join(folder, 'command.log');
    const truthFile = path.join(folder, 'command.json');
    const script = fileURLToPath(new URL('generate-log.ts', import.meta.url));
    const run = spawnSync(process.execPath, [script, '--size', '256KiB', '--profile', 'hostile', '--out', log, '--truth', truthFile]);
    expect(run.stderr.toString()).toBe('');
    const { bytes, truth } = generate('hostile', parseSize('256KiB'));
    expect(sha256(fs.readFileSync(log))).toBe(sha256(bytes));
    expect(JSON.parse(fs.readFileSync(truthFile, 'utf8'))).toEqual(truth);
  });
});

describe('truth', () => {
  it.each(PROFILES.flatMap((profile) => [1, 7].map((seed) => [profile, seed] as const)))(
    'of 2 MiB of %s, seed %i, is what a slow reader finds',
    (profile, seed) => {
      const { bytes, truth } = generate(profile, 2 * MIB, seed);
      const found = readSlowly(bytes.toString('utf8'), seed, profile);
      // What the log doesn't say: how far its clock went after the last record, and which texts were meant to deceive.
      const unsaid = { virtual_seconds: truth.virtual_seconds, lookalikes: truth.lookalikes };
      expect(found.contract).toEqual(truth.contract);
      expect({ ...found, ...unsaid }).toEqual(truth);
    },
  );

  it('ends at the record that reaches the size, and has no outcome for requests still open', () => {
    const whole = generate('info', MIB);
    const cut = generate('info', MIB - 4096);
    expect(whole.bytes.subarray(0, cut.bytes.length).equals(cut.bytes)).toBe(true);
    expect(cut.truth.bytes).toBe(cut.bytes.length);
    expect(cut.bytes.at(-1)).toBe(10);
    expect(cut.truth.access.processed).toBeLessThan(whole.truth.access.processed);
  });

  it('has every outcome that the contract names somewhere', () => {
    const { contract } = generate('hostile', 12 * MIB).truth;
    const sums = contract.deviceColumns.map((_, i) => Object.values(contract.devices).reduce((sum, row) => sum + (row[i] ?? 0), 0));
    const seen = Object.fromEntries(contract.deviceColumns.map((column, i) => [column, (sums[i] ?? 0) > 0]));
    expect(seen).toMatchObject({ accepted: true, conflict: true, rejected: true, clientGaveUp: true, failed: true, claims: true });
    expect(Object.values(contract.unattributed).every((n) => n > 0)).toBe(true);
    const requests = Object.values(contract.delayedEvents.requests);
    for (const action of requests) expect(action.ok).toBeGreaterThan(0);
    expect([...new Set(requests.flatMap((action) => Object.keys(action)))].sort()).toEqual([
      ...['clientGaveUp', 'failed', 'notFound', 'ok', 'rateLimited'],
    ]);
    expect(contract.toDevice.sendsFailed).toBeGreaterThan(0);
    expect(contract.toDevice.mediaKeySends).toBeLessThan(contract.toDevice.sends['m.room.encrypted'] ?? 0);
  });
});

describe('profile info', () => {
  it('has the proportions of reference/performance.md', () => {
    const { truth } = generate('info', 8 * MIB);
    const share = (n: number): number => n / truth.lines;
    const { adding_lines, device_keys_updates, claimed_lines, conflict_lines } = truth.keys;
    expect(share(truth.access.processed)).toBeGreaterThan(0.82);
    expect(share(truth.access.processed)).toBeLessThan(0.88);
    expect(share(adding_lines + device_keys_updates + claimed_lines + conflict_lines)).toBeGreaterThan(0.025);
    expect(share(truth.continuation_lines)).toBeGreaterThan(0.015);
    expect(share(truth.continuation_lines)).toBeLessThan(0.04);
  });

  it('uses every request number once', () => {
    const { bytes } = generate('info', 2 * MIB);
    const numbers = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.includes('} Processed request: '))
      .map((line) => Number(/- (?:GET|PUT|POST)-(\d+) - /.exec(line)?.[1]));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1000);
  });
});

describe('log stream', () => {
  it('plays a refusal that is asked for, and no other when it is quiet about keys', () => {
    const stream = new LogStream({ ...options('info'), isQuietAboutKeys: true });
    const refusals: number[] = [];
    const play = (ms: number): void => {
      for (const end = stream.nowMs + ms; stream.nowMs < end; )
        stream.playMillisecond((text) => {
          if (text.includes('One time key signed_curve25519:')) refusals.push(stream.nowMs);
        });
    };
    play(20_000);
    expect(refusals).toEqual([]);
    stream.planRefusal();
    play(50);
    expect(refusals).toHaveLength(1);
  });

  it('stamps rise, and every record has its newline', () => {
    const lines = generate('todevice', MIB).bytes.toString('utf8').split('\n');
    const stamps = lines.map((line) => /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - /.exec(line)?.[1]).filter((stamp) => stamp !== undefined);
    expect(stamps.toSorted()).toEqual(stamps);
    expect(lines.at(-1)).toBe('');
  });
});

describe('key ids', () => {
  it.each([
    [0, 'AAAAAAAAAAA'],
    [14, 'AAAAAAAAAA4'],
    [15, 'AAAAAAAAAA8'],
    [16, 'AAAAAAAAABA'],
    [50, 'AAAAAAAAADI'],
  ])('counter %i is %s, as in the captures', (counter, id) => {
    expect(keyId(counter)).toBe(id);
    expect(Buffer.from(id, 'base64').readBigUInt64BE()).toBe(BigInt(counter));
  });
});

describe('sizes', () => {
  it.each([
    ['4096', 4096],
    ['64MiB', 64 * MIB],
    ['1.5g', 1.5 * 1024 ** 3],
    ['8 KiB', 8192],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'x', '1TiB', '-1', '1 2'])('"%s" is refused', (text) => {
    expect(() => parseSize(text)).toThrow(RangeError);
  });
});
