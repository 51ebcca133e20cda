// analyze as a shell starts it: what is printed where, and the exit code, for good files and for everything else that is handed over.

import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createTempFolder } from '../../testbench/temp-folder.ts';
import { runCommand } from './command-line.ts';

const CAPTURE = 'daemon/demo/capture/homeserver.log.gz';
const capture = gunzipSync(readFileSync(CAPTURE));

/** The lines before and after line `index` of the capture, which is left out. */
function splitCapture(index: number): readonly [string, string] {
  const lines = capture.toString('utf8').split('\n');
  return [`${lines.slice(0, index).join('\n')}\n`, lines.slice(index + 1).join('\n')];
}

function analyze(...args: readonly string[]): ReturnType<typeof runCommand> {
  return runCommand(['analyze', '--timezone', 'UTC', ...args]);
}

function writeFile(name: string, content: string | Uint8Array): string {
  const path = join(createTempFolder(), name);
  writeFileSync(path, content);
  return path;
}

/** Counted in the capture by an independent reader (capture/README.md). */
const EXPECTED = {
  sources: [
    {
      path: 'homeserver.log',
      format: 'text',
      lines: 1283,
      records: 1283,
      accessLines: 587,
      unrecognised: {},
      incarnations: 1,
      cutLines: 0,
      gaps: [],
    },
  ],
  unattributed: { conflicts: 0, rejected: 0, clientGaveUp: 0, failed: 0 },
  toDevice: { sends: { 'm.room.encrypted': 40 }, sendsFailed: 0, mediaKeySends: 34, stored: 75, returned: 75, dropped: 0 },
  delayedEvents: {
    requests: {
      schedule: { ok: 7, clientGaveUp: 0, rateLimited: 0, notFound: 0, failed: 0 },
      restart: { ok: 97, clientGaveUp: 0, rateLimited: 0, notFound: 0, failed: 0 },
      cancel: { ok: 1, clientGaveUp: 0, rateLimited: 0, notFound: 0, failed: 0 },
      send: { ok: 6, clientGaveUp: 0, rateLimited: 0, notFound: 0, failed: 0 },
    },
  },
  counters: { lotus_e2ee_otk_conflicts_total: 48 },
};

/** User, device, accepted, refused, key ids refused, claims. */
const EXPECTED_DEVICES = [
  ['@a-b.c:matrix.example.org', 'DYETQOYCNH', 4, 0, [], 3],
  ['@mod+test:matrix.example.org', 'KGUXNIMSKV', 3, 0, [], 2],
  ['@oda:matrix.example.org', 'DWYQKTZTQO', 3, 0, [], 3],
  ['@rosa:matrix.example.org', 'CHXZOAAMCX', 3, 0, [], 3],
  ['@rosa:matrix.example.org', 'MSLNKEIKTS', 2, 48, ['signed_curve25519:AAAAAAAAAA4', 'signed_curve25519:AAAAAAAAAA8'], 3],
] as const;

interface DeviceOfAnalysis {
  readonly userId: string;
  readonly deviceId: string;
  readonly keyUploads: Readonly<Record<string, number>>;
  readonly conflicts: { readonly count: number; readonly keyIds: readonly string[] };
  readonly claims: { readonly oneTime: number; readonly fallback: number };
}

describe('analyze --json', () => {
  it('counts what is in the capture', async () => {
    const { exitCode, out, err } = await analyze('--json', CAPTURE);
    expect([exitCode, err]).toEqual([0, '']);
    const analysis = JSON.parse(out) as { schema: string; devices: readonly DeviceOfAnalysis[] };
    expect(analysis.schema).toBe('lotus-e2ee-watch/analysis@1');
    expect(analysis).toMatchObject(EXPECTED);
    const active = analysis.devices.filter(({ keyUploads }) => Object.values(keyUploads).some((count) => count > 0));
    expect(
      active.map(({ userId, deviceId, keyUploads, conflicts, claims }) => [
        userId,
        deviceId,
        keyUploads['accepted'],
        conflicts.count,
        conflicts.keyIds,
        claims.oneTime + claims.fallback,
      ]),
    ).toEqual(EXPECTED_DEVICES);
  });
});

describe('analyze prints a report', () => {
  it('with the device that is refused', async () => {
    const { exitCode, out, err } = await analyze(CAPTURE);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^Verdict\n/);
    expect(out).toMatch(/@rosa:matrix\.example\.org +MSLNKEIKTS +48 /);
    expect(out).not.toContain('\x1b');
  });

  it.each([
    ['plain', capture],
    ['gzipped', readFileSync(CAPTURE)],
  ])('of standard input, %s', async (_name, input) => {
    const { exitCode, out, err } = await runCommand(['analyze', '--timezone', 'UTC', '-'], { input });
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/ standard input +text +1,283 +1,283 +587 /);
    expect(out).toMatch(/ MSLNKEIKTS +48 /);
  });

  it('of a log with bytes that are no UTF-8', async () => {
    const [before, after] = splitCapture(600);
    const bad = Buffer.from(
      '2026-11-23 16:56:00,000 - synapse.handlers.auth - 1004 - INFO - POST-1 - Logging in user @\xff\xfe:hs on device \xc3\x28\n',
      'latin1',
    );
    const { exitCode, out } = await analyze(writeFile('homeserver.log', Buffer.concat([Buffer.from(before), bad, Buffer.from(after)])));
    expect(exitCode).toBe(0);
    expect(out).toMatch(/ homeserver\.log +text +1,283 +1,283 /);
    expect(out).toMatch(/ MSLNKEIKTS +4[78] /);
  });

  it('of a log with a line of 25 MB', async () => {
    const [before, after] = splitCapture(600);
    const path = writeFile('homeserver.log', before);
    const file = openSync(path, 'a');
    writeSync(file, '2026-11-23 16:56:00,000 - synapse.x - 1 - INFO - main - ');
    const megabyte = 'x'.repeat(1_000_000);
    for (let i = 0; i < 25; i++) writeSync(file, megabyte);
    writeSync(file, `\n${after}`);
    closeSync(file);
    const { exitCode, out } = await analyze(path);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/ homeserver\.log +text +1,283 /);
    expect(out).toContain('1 line was cut at 256 KiB');
    expect(out).toMatch(/ MSLNKEIKTS +4[78] /);
  });

  it('of an empty file, in which there is nothing', async () => {
    const { exitCode, out, err } = await analyze(writeFile('homeserver.log', ''));
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain('homeserver.log: no line of it was read.');
    expect(out).toContain('Blind: ');
  });
});

describe('analyze says what it cannot read, and exits with 1', () => {
  it.each([
    [
      'a file that is not there',
      (folder: string) => join(folder, 'missing.log'),
      /^Cannot read ".*missing\.log": it does not exist, expected a file\n$/,
    ],
    ['a directory', (folder: string) => folder, /^Cannot read ".*": it is a directory, expected a file\n$/],
  ])('%s', async (_name, pathIn, expected) => {
    const { exitCode, out, err } = await analyze(pathIn(createTempFolder()));
    expect([exitCode, out]).toEqual([1, '']);
    expect(err).toMatch(expected);
  });

  it('a binary file', async () => {
    const { exitCode, err } = await analyze(
      writeFile('homeserver.log', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(5000)])),
    );
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^Cannot read ".*homeserver\.log": .*binary data at byte 7.*\n$/);
  });

  it('the log of another program', async () => {
    const { exitCode, err, out } = await analyze(
      writeFile('auth.log', 'Jun 30 12:00:00 host sshd[1]: hello\nJun 30 12:00:01 host sshd[1]: bye\n'),
    );
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^Cannot recognise "auth\.log": none of its 2 lines is a record of Synapse's/);
    expect(out).toContain("auth.log: none of its 2 lines is a record of Synapse's.");
  });

  it.each([
    [
      'of journalctl',
      'Jun 30 12:00:00 host python3[7]: synapse.access.http.8008: [GET-1] 203.0.113.7 - 8008 - {None} Processed request: …\n',
    ],
    ['of journalctl --output cat', 'synapse.handlers.e2e_keys: [POST-1] Adding one_time_keys …\n'],
  ])('the text of Synapse’s journal handler, and how it is to be exported: %s', async (_, text) => {
    const { exitCode, err } = await analyze(writeFile('journal.txt', text));
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^Cannot recognise "journal\.txt": none of its 1 line is .*expected what `journalctl --output json` exports/);
  });

  it('the rest of a gzipped file that stops in the middle, and reports what came before', async () => {
    const { exitCode, err, out } = await analyze(writeFile('homeserver.log.1.gz', readFileSync(CAPTURE).subarray(0, 30_000)));
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^Cannot read ".*homeserver\.log\.1\.gz" to its end: its gzip data stops in the middle/);
    expect(out).toMatch(/its gzip\s+data stops\s+in the\s+middle/);
    expect(out).toMatch(/ MSLNKEIKTS +\d+ /);
  });

  it('all of several, each in a line, and still reports the good file', async () => {
    const folder = createTempFolder();
    mkdirSync(join(folder, 'directory'));
    writeFileSync(join(folder, 'auth.log'), 'Jun 30 12:00:00 host sshd[1]: hello\n');
    writeFileSync(join(folder, 'homeserver.log'), capture);
    const { exitCode, err, out } = await analyze(
      ...['missing.log', 'directory', 'auth.log', 'homeserver.log'].map((name) => join(folder, name)),
    );
    expect(exitCode).toBe(1);
    expect(err.split('\n').map((line) => line.slice(0, 'Cannot recognise'.length))).toEqual([
      'Cannot read "/tm',
      'Cannot read "/tm',
      'Cannot recognise',
      '',
    ]);
    expect(out).toMatch(/ MSLNKEIKTS +48 /);
  });

  it('all of several with --json, whose output stays one object', async () => {
    const { exitCode, out, err } = await analyze('--json', join(createTempFolder(), 'missing.log'), CAPTURE);
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^Cannot read ".*missing\.log"/);
    expect(JSON.parse(out)).toMatchObject(EXPECTED);
  });
});

describe('analyze refuses', () => {
  it.each([
    [
      'a time zone that there is none',
      ['analyze', '--timezone', 'Mars/Olympus', CAPTURE],
      2,
      /^Cannot use --timezone "Mars\/Olympus": not a time zone, expected an IANA name/,
    ],
    ['no file', ['analyze'], 2, /missing required argument/],
    ['an option that it does not have', ['analyze', '--nope', CAPTURE], 2, /unknown option '--nope'/],
  ])('%s', async (_name, args, expectedCode, expected) => {
    const { exitCode, out, err } = await runCommand(args);
    expect([exitCode, out]).toEqual([expectedCode, '']);
    expect(err).toMatch(expected);
  });

  it('wrong rules, with all that is wrong and where', async () => {
    const path = writeFile('mine.yml', 'rules:\n  - id: x\n');
    const { exitCode, out, err } = await runCommand(['analyze', CAPTURE, '--rules', path]);
    expect([exitCode, out]).toEqual([78, '']);
    expect(err.split('\n').length).toBeGreaterThan(2);
    for (const line of err.trimEnd().split('\n')) expect(line).toMatch(/mine\.yml:2:5: Cannot parse rule "x": /);
  });
});

it.each([['--json'], ['--no-progress']])('analyze %s ends well when its reader has gone', async (option) => {
  const { exitCode, err } = await runCommand(['analyze', option, CAPTURE], { closesOutput: true });
  expect([exitCode, err]).toEqual([0, '']);
});
