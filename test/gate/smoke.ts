// `npm run smoke`: does the program start, read a log and say what it should? A few seconds, no test framework; the first thing to run on a
// machine where something is odd. With a path behind it, e.g. dist/daemon/main.js, that program is tried instead of the sources.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summaryLine } from './summary.ts';

const MAIN = process.argv[2] ?? join(import.meta.dirname, '..', '..', 'daemon', 'main.ts');

// Two uploads of one device: the first is accepted, the second refused. As Synapse 1.155 writes it (Debian's log configuration), shortened.
const LOG = `2026-03-10 12:00:00,100 - synapse.handlers.e2e_keys - 955 - INFO - POST-10 - Adding one_time_keys dict_keys(['signed_curve25519:AAAAAAAAAA0']) for device VLGGMAOPTF for user @smoke:example.org at 1773144000100
2026-03-10 12:00:00,120 - synapse.access.http.8008 - 643 - INFO - POST-10 - 203.0.113.9 - 8008 - {@smoke:example.org} Processed request: 0.049sec/0.004sec ru=(0.009sec, 0.000sec) db=(0.005sec/0.026sec/5) 48B 200 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "smoke" [0 dbevts]
2026-03-10 12:00:05,077 - synapse.http.server - 131 - INFO - POST-11 - <XForwardedForRequest at 0x7f76ec30a290 method='POST' uri='/_matrix/client/v3/keys/upload' clientproto='HTTP/1.1' site='8008'> SynapseError: 400 - One time key signed_curve25519:AAAAAAAAAA0 already exists. Old key: {"key":"FQJ258cjse2VUJjz4zGbNkyMxKplyx6vBD/n3IERXF0","signatures":{"@smoke:example.org":{"ed25519:VLGGMAOPTF":"XgCX"}}}; new key: {'key': '4TEvz64iUF4/iCAQWCdtcUjW1tpuapj0kXKO/v2z0Es', 'signatures': {'@smoke:example.org': {'ed25519:VLGGMAOPTF': '4P69'}}}
2026-03-10 12:00:05,080 - synapse.access.http.8008 - 643 - INFO - POST-11 - 203.0.113.9 - 8008 - {@smoke:example.org} Processed request: 0.012sec/0.001sec ru=(0.009sec, 0.000sec) db=(0.001sec/0.002sec/2) 312B 400 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "smoke" [0 dbevts]
`;

interface Analysis {
  readonly sources?: readonly { readonly lines?: number; readonly accessLines?: number }[];
  readonly devices?: readonly { readonly userId?: string; readonly deviceId?: string; readonly conflicts?: { readonly count?: number } }[];
}

interface Check {
  readonly name: string;
  readonly words: readonly string[];
  readonly exitCode: number;
  /** A complaint about what it printed, or null. */
  readonly look?: (stdout: string, stderr: string) => string | null;
}

const folder = mkdtempSync(join(tmpdir(), 'lotus-smoke-'));
const log = join(folder, 'homeserver.log');
writeFileSync(log, LOG);

const checks: readonly Check[] = [
  {
    name: 'says how it is used',
    words: ['--help'],
    exitCode: 0,
    look: lookAtHelp,
  },
  { name: 'refuses a command it does not know', words: ['anlyze'], exitCode: 2, look: mentions('anlyze') },
  { name: 'passes its own rules', words: ['check'], exitCode: 0 },
  { name: 'reads a log and names the device', words: ['analyze', '--json', '--timezone', 'UTC', log], exitCode: 0, look: lookAtAnalysis },
  {
    name: 'says that a file is missing',
    words: ['analyze', '--json', join(folder, 'nowhere.log')],
    exitCode: 1,
    look: mentions('nowhere.log'),
  },
];

let failed = 0;
for (const check of checks) {
  const complaint = complaintAbout(check);
  if (complaint !== null) failed++;
  process.stdout.write(`${complaint === null ? 'ok  ' : 'RED '} ${check.name}${complaint === null ? '' : `: ${complaint}`}\n`);
}
rmSync(folder, { recursive: true });
process.stdout.write(`${summaryLine({ passed: checks.length - failed, failed, skipped: 0 })}\n`);
process.exitCode = failed > 0 ? 1 : 0;

function complaintAbout({ words, exitCode, look }: Check): string | null {
  const run = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', timeout: 10_000 });
  if (run.status !== exitCode) return `exit code ${run.status}, expected ${exitCode}; ${run.stderr.trim().split('\n').at(-1) ?? ''}`;
  return look?.(run.stdout, run.stderr) ?? null;
}

function lookAtHelp(stdout: string): string | null {
  return stdout.includes('analyze') ? null : 'no word of analyze';
}

/** A message that names the thing it is about, instead of a stack. */
function mentions(word: string): (stdout: string, stderr: string) => string | null {
  return (_stdout, stderr) =>
    stderr.includes(word) && !/^ +at /m.test(stderr) ? null : `no message about ${word} alone: ${stderr.trim()}`;
}

function lookAtAnalysis(stdout: string): string | null {
  const { sources, devices } = JSON.parse(stdout) as Analysis;
  const found = {
    lines: sources?.[0]?.lines,
    accessLines: sources?.[0]?.accessLines,
    conflicts: devices?.find(({ userId, deviceId }) => userId === '@smoke:example.org' && deviceId === 'VLGGMAOPTF')?.conflicts?.count,
  };
  const expected = { lines: 4, accessLines: 2, conflicts: 1 };
  return JSON.stringify(found) === JSON.stringify(expected) ? null : `${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`;
}
