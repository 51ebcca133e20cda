// The report as the operator reads it: whole reports as golden files (`vitest -u` writes them anew), and what holds for all of them.

import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { displayWidth } from '../../../daemon/commands/terminal-text.ts';
import { renderTextReport, type TextReportOptions } from '../../../daemon/commands/text-report.ts';
import type { Analysis } from '../../../src/analysis.ts';
import { analyzeTexts, SyntheticLog } from './synthetic-log.ts';

const DEBUG_LOGGER = 'synapse.9533_debug';

/** Thirty devices over three days, and some of every outcome. */
function createBusyLog(): SyntheticLog {
  const log = new SyntheticLog();
  for (let device = 0; device < 30; device++) {
    const name = String(device).padStart(2, '0');
    const id = [`@user${name}:example.org`, `DEVICE${name}`] as const;
    for (let time = 0; time <= device; time++) log.upload(`2026-06-30T12:${String(time).padStart(2, '0')}:00.000`, ...id, '400', true);
    log.upload(`2026-07-02T23:${name}:00.000`, ...id, '200');
  }
  const end = '2026-07-02T23:50:00.000';
  log.namelessRefusal(end).namelessRefusal(end);
  log
    .upload(end, '@carol:example.org', 'CAROLDEV', '403')
    .upload(end, '@carol:example.org', 'CAROLDEV', '200!')
    .upload(end, '@carol:example.org', 'CAROLDEV', '500');
  const claim = (claims: string) =>
    log.request(end, 'POST', '/_matrix/client/v3/keys/claim', '200', {
      messages: [['synapse.handlers.e2e_keys', `Claimed one-time-keys: ${claims}`]],
    });
  claim('signed_curve25519:AAAAHQ for @bob:example.org:BOBDEV,signed_curve25519:AAAAHQ for @carol:example.org:CAROLDEV');
  claim('signed_curve25519:AAAAHQ for @bob:example.org:BOBDEV');
  for (let i = 0; i < 1234; i++) log.send(end, 'm.room.encrypted', 'm1782820800123.7', '200');
  for (let i = 0; i < 12; i++) log.send(end, `org.example.type${i}`, 'x', '200');
  log.send(end, 'm.room.encrypted', 'x', '413');
  log.send(end, 'm.room_key_request', 'x', '200', [
    [DEBUG_LOGGER, "Storing to-device messages with stream_id 1042: ['@bob:example.org/BOBDEV (msgid 7d1f)']", 'DEBUG'],
    [
      DEBUG_LOGGER,
      "Dropping to-device messages for unknown devices: ['@bob:example.org/GONE (msgid 7d1f)', '@bob:example.org/GONE2 (msgid 7d1f)']",
      'DEBUG',
    ],
  ]);
  for (const status of ['200', '200', '200!', '499!', '429', '404', '500']) log.delayed(end, 'restart', status);
  log.delayed(end, 'cancel', '200').request(end, 'POST', '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_x', '200');
  return log;
}

/** Everything that may come from outside, at its worst. Python prints ids with escapes, which the rules undo. */
function createHostileLog(): SyntheticLog {
  const log = new SyntheticLog();
  const time = '2026-06-30T12:00:00.000';
  log.upload(time, String.raw`@\x1b]0;title\x07\x1b[2J:example.org`, String.raw`\x1b[31mRED\r\n`, '400', true);
  log.upload(time, '@\u202eevil\u2066\u200b:example.org', 'BIDI\u061c', '400', true);
  log.upload(time, '@日本語のとても長い名前のユーザー:例え.example.org', '電話', '400', true);
  log.upload(time, `@${'long'.repeat(100)}:example.org`, 'D'.repeat(400), '400', true);
  log.upload(time, `@z${'\u0300'.repeat(60)}algo:example.org`, '👩‍👩‍👧‍👦', '400', true);
  log.send(time, '%1B%5B31mred%0Aline%E2%80%AE', 'x', '200').send(time, 'e'.repeat(300), 'x', '200');
  return log;
}

const cases: readonly (readonly [name: string, sources: () => Parameters<typeof analyzeTexts>[0], options: Partial<TextReportOptions>])[] =
  [
    [
      'demo-capture',
      () => ({ 'homeserver.log': { text: gunzipSync(readFileSync('daemon/demo/capture/homeserver.log.gz')) } }),
      { columns: 100 },
    ],
    ['busy', () => ({ 'homeserver.log': { text: createBusyLog().text } }), { columns: 120, timeZone: 'Europe/Berlin' }],
    [
      'hostile',
      () => ({
        'home\x1b[2Jserver\u202e.log': {
          text: `${createHostileLog().text}2026-06-30 12:00:00,000 - synapse.access.http.8008 - 643 - INFO - GET-9 - x\n`,
        },
      }),
      { columns: 80 },
    ],
    [
      'blind',
      () => ({
        'homeserver.log': {
          text: new SyntheticLog()
            .record('2026-06-30T12:00:00.000', 'synapse.storage', 'main', 'x', 'WARNING')
            .record('2026-06-30T12:00:00.100', 'synapse.storage', 'main', 'x'.repeat(300_000), 'WARNING').text,
        },
        'worker1.log': {
          text: '',
          gaps: [
            {
              file: 'worker1.log.1.gz',
              problem: 'Cannot read "worker1.log.1.gz" to its end: its gzip data stops in the middle, expected an end mark',
            },
          ],
        },
        syslog: { text: 'Jun 30 12:00:00 host sshd[1]: hello\nJun 30 12:00:01 host sshd[1]: bye\n' },
      }),
      { columns: 60 },
    ],
  ];

describe.each(cases)('report of %s', (name, sources, given) => {
  const options = { timeZone: 'UTC', usesColour: false, columns: 80, ...given };
  let analysis: Analysis;
  let report: string;

  beforeAll(async () => {
    analysis = await analyzeTexts(sources(), options.timeZone);
    report = renderTextReport(analysis, options);
  });

  it('is the golden one', async () => {
    await expect(report).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  it('is no wider than the terminal', () => {
    for (const line of report.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(80, options.columns));
  });

  it('has nothing in it that a terminal obeys or hides', () => {
    expect(report).not.toMatch(/[^\P{Cc}\n]|\p{Cf}|\p{Cs}/u);
  });

  it('never says that something is healthy', () => {
    expect(report).not.toMatch(/healthy|all is well(?!\.\n)|\bOK\b/);
    expect(report).toMatch(/does not say that all is well\.\n$/);
  });

  it('says the same in colour', () => {
    const coloured = renderTextReport(analysis, { ...options, usesColour: true });
    expect(coloured).toContain('\x1b[1m');
    expect(stripVTControlCharacters(coloured)).toBe(report);
  });
});

describe('rows', () => {
  it('stand in the order of refusals, twenty of them, then how many more', async () => {
    const report = renderTextReport(await analyzeTexts({ 'homeserver.log': { text: createBusyLog().text } }), {
      timeZone: 'UTC',
      usesColour: false,
      columns: 100,
    });
    const rows = report.split('\n').filter((line) => /@user\d\d:example\.org +DEVICE\d\d +\d/.test(line));
    expect(rows).toHaveLength(20);
    expect(rows[0]).toMatch(/@user29:example\.org +DEVICE29 +30 +1 +1 +06-30 12:00 +06-30 12:29$/);
    expect(rows[19]).toContain('@user10');
    expect(report).toContain('… and 10 more devices\n');
  });
});
