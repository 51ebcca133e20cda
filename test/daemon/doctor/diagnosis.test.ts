/** What the doctor finds: each fault on a machine that is well but for it. */
import { describe, expect, it } from 'vitest';
import { type Config, defaultConfig, type SourceConfig } from '../../../daemon/config/config.ts';
import { diagnose } from '../../../daemon/doctor/diagnosis.ts';
import { explainEnd } from '../../../daemon/doctor/exit-codes.ts';
import type { Finding } from '../../../daemon/doctor/finding.ts';
import { FakeMachine } from '../../testbench/fake-machine.ts';

const LOG = '/var/log/matrix-synapse/homeserver.log';
const HOUR_MS = 3_600_000;

/** So many access lines, the last at this time (UTC). */
function accessLines(count: number, lastMs: number): string {
  return Array.from({ length: count }, (_, index) => {
    const stamp = new Date(lastMs - (count - 1 - index) * 100).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23);
    return `${stamp} - synapse.access.http.8008 - 643 - INFO - GET-${index} - 203.0.113.9 - 8008 - {None} Processed request: 0.012sec/0.001sec ru=(0.009sec, 0.000sec) db=(0.001sec/0.002sec/2) 312B 200 "GET /_matrix/client/versions HTTP/1.1" "smoke" [0 dbevts]\n`;
  }).join('');
}

function otherRecords(count: number, lastMs: number): string {
  const stamp = new Date(lastMs).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23);
  return `${stamp} - synapse.storage.txn - 10 - WARNING - GET-1 - something\n`.repeat(count);
}

const UNIT = {
  LoadState: 'loaded',
  ActiveState: 'active',
  UnitFileState: 'enabled',
  Result: 'success',
  ExecMainStatus: '0',
  NRestarts: '0',
  StatusText: 'following homeserver.log, 10 lines',
  DropInPaths: '',
  DynamicUser: 'yes',
  ProtectHome: 'yes',
  PrivateTmp: 'yes',
  InaccessiblePaths: '-/etc/matrix-synapse -/var/lib/matrix-synapse',
};

/** A machine where all is well: Debian 12, Synapse and the daemon run, a Prometheus scrapes it. */
function wellMachine(unit: Readonly<Record<string, string>> = {}): FakeMachine {
  const machine = new FakeMachine();
  machine.files.set('/run/systemd/system/x', {});
  machine.files.set(LOG, { text: accessLines(200, machine.nowMs()) });
  machine.programs.set('systemctl --version', { out: 'systemd 252 (252.39-1~deb12u1)\n+PAM' });
  setUnit(machine, unit);
  machine.programs.set('systemctl list-units', {});
  machine.programs.set('systemd-detect-virt', { exitCode: 1, out: 'none\n' });
  machine.programs.set('setpriv', { out: '2' });
  machine.programs.set('stat ', { out: '640 matrix-synapse adm\n' });
  machine.programs.set('timedatectl', { out: 'yes\n' });
  machine.pages.set(
    'http://127.0.0.1:9464/api/v1/status',
    JSON.stringify({ schema: 'lotus-e2ee-watch/status@1', sources: [{ name: 'homeserver.log', state: 'following' }] }),
  );
  setTarget(machine, { scrapeUrl: 'http://127.0.0.1:9464/metrics', health: 'up', lastError: '' });
  return machine;
}

function setUnit(machine: FakeMachine, changes: Readonly<Record<string, string>>): void {
  const shown = Object.entries({ ...UNIT, ...changes }).map(([key, value]) => `${key}=${value}\n`);
  machine.programs.set('systemctl show', { out: shown.join('') });
}

function setTarget(machine: FakeMachine, ...activeTargets: readonly object[]): void {
  machine.pages.set('http://127.0.0.1:9090/api/v1/targets?state=active', JSON.stringify({ data: { activeTargets } }));
}

function configWith(...sources: readonly Partial<SourceConfig>[]): Config {
  const config = { ...defaultConfig(), timezone: 'UTC' };
  const [standard] = config.sources as readonly [SourceConfig];
  const changed = sources.length === 0 ? [{}] : sources;
  return { ...config, sources: changed.map((source) => ({ ...standard, timezone: 'UTC', ...source })) };
}

async function findings(machine: FakeMachine, config = configWith(), prometheusUrl: string | null = null): Promise<readonly Finding[]> {
  return diagnose({ machine, configPath: '/etc/lotus-e2ee-watch/config.yml', config: { ok: true, value: config }, prometheusUrl });
}

async function toDo(machine: FakeMachine, config?: Config): Promise<string[]> {
  return (await findings(machine, config)).filter(({ verdict }) => verdict === 'todo').map(({ check }) => check);
}

it('a machine where all is well has nothing to do', async () => {
  const found = await findings(wellMachine());
  expect(found.filter(({ verdict }) => verdict !== 'good')).toEqual([]);
  expect(found.map(({ check }) => check)).toEqual([
    'configuration',
    'systemd',
    'service',
    'log-there',
    'log-readable',
    'log-format',
    'log-level',
    'log-zone',
    'workers',
    'port',
    'daemon-source',
    'prometheus',
    'clock',
  ]);
});

describe('finds', () => {
  const cases: readonly [string, string, (machine: FakeMachine) => Config | undefined][] = [
    ['a log that is not there', 'log-there', (machine) => void machine.files.delete(LOG)],
    ['a log the service may not read', 'log-readable', (machine) => void machine.programs.set('setpriv', { exitCode: 1 })],
    ['a log without access lines', 'log-level', (machine) => void machine.files.set(LOG, { text: otherRecords(100, machine.nowMs()) })],
    ['a log that is none of Synapse’s', 'log-format', (machine) => void machine.files.set(LOG, { text: 'hello\n'.repeat(500) })],
    [
      'stamps of another zone, ahead',
      'log-zone',
      (machine) => void machine.files.set(LOG, { text: accessLines(10, machine.nowMs() + 2 * HOUR_MS) }),
    ],
    [
      'stamps of another zone, behind by half hours',
      'log-zone',
      (machine) => void machine.files.set(LOG, { text: accessLines(10, machine.nowMs() - 5.5 * HOUR_MS) }),
    ],
    [
      'logrotate with copytruncate',
      'rotation',
      (machine) => void machine.files.set('/etc/logrotate.d/synapse', { text: `${LOG} {\n  daily\n  copytruncate\n}\n` }),
    ],
    [
      'logrotate that tells nobody',
      'rotation',
      (machine) => void machine.files.set('/etc/logrotate.d/synapse', { text: '/var/log/matrix-synapse/*.log {\n  create\n}\n' }),
    ],
    ['a worker’s log beside it', 'workers', (machine) => void machine.files.set('/var/log/matrix-synapse/worker1.log', { ageMs: 60_000 })],
    [
      'workers whose logs are elsewhere',
      'workers',
      (machine) => void machine.programs.set('systemctl list-units', { out: 'matrix-synapse-worker@a.service loaded active running x\n' }),
    ],
    [
      'a port that another program has',
      'port',
      (machine) => {
        machine.pages.set('http://127.0.0.1:9464/api/v1/status', '<html>');
        machine.takenPorts.add(9464);
        return undefined;
      },
    ],
    ['a daemon that does not answer', 'port', (machine) => void machine.pages.delete('http://127.0.0.1:9464/api/v1/status')],
    [
      'a Prometheus without a job for it',
      'prometheus',
      (machine) => {
        setTarget(machine, { scrapeUrl: 'http://127.0.0.1:9100/metrics', health: 'up', lastError: '' });
        return undefined;
      },
    ],
    [
      'a Prometheus that can’t scrape it',
      'prometheus',
      (machine) => {
        setTarget(machine, { scrapeUrl: 'http://127.0.0.1:9464/metrics', health: 'down', lastError: 'connection refused' });
        return undefined;
      },
    ],
    ['a clock that lags', 'clock', (machine) => void machine.files.set(LOG, { ...machine.files.get(LOG), ageMs: -120_000 })],
    ['a log in a home folder', 'log-hidden', (machine) => inFolder(machine, '/home/synapse')],
    ['a log in /tmp', 'log-hidden', (machine) => inFolder(machine, '/tmp/synapse')],
    ['a log among Synapse’s secrets', 'log-hidden', (machine) => inFolder(machine, '/var/lib/matrix-synapse/logs')],
    ['a folder in place of a log', 'log-there', () => configWith({ path: '/var/log/matrix-synapse' })],
    ['a journal without such a unit', 'journal-there', (machine) => inJournal(machine, '')],
    ['a journal that the service may not read', 'journal-readable', (machine) => inJournal(machine, '{"MESSAGE":"x"}\n')],
    [
      'a service that failed',
      'service',
      (machine) => void setUnit(machine, { ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: '78' }),
    ],
    ['a unit that systemd does not know', 'service', (machine) => void setUnit(machine, { LoadState: 'not-found' })],
    [
      'a drop-in for a newer systemd',
      'drop-ins',
      (machine) => void setUnit(machine, { DropInPaths: '/etc/systemd/system/x.d/50-systemd-254.conf' }),
    ],
  ];

  it.each(cases)('%s', async (_, check, change) => {
    const machine = wellMachine();
    const config = change(machine);
    const found = await findings(machine, config);
    const [finding] = found.filter((one) => one.check === check && one.verdict === 'todo');
    expect(finding?.advice).toBeTruthy();
  });

  function inFolder(machine: FakeMachine, folder: string): Config {
    machine.files.set(`${folder}/homeserver.log`, { text: accessLines(10, machine.nowMs()) });
    return configWith({ path: `${folder}/homeserver.log` });
  }

  function inJournal(machine: FakeMachine, out: string): Config {
    machine.programs.set('journalctl', { out });
    return configWith({ kind: 'journal', path: '_SYSTEMD_UNIT=matrix-synapse.service', name: 'journal' });
  }
});

describe('does not mistake for a fault', () => {
  const cases: readonly [string, (machine: FakeMachine) => Config | undefined][] = [
    ['an old log beside the watched one', (machine) => void machine.files.set('/var/log/matrix-synapse/old.log', { ageMs: 48 * HOUR_MS })],
    ['a few records without an access line', (machine) => void machine.files.set(LOG, { text: otherRecords(99, machine.nowMs()) })],
    [
      'logrotate of other logs with copytruncate',
      (machine) => void machine.files.set('/etc/logrotate.d/nginx', { text: '/var/log/nginx/*.log {\n  copytruncate\n}\n' }),
    ],
    [
      'copytruncate that is commented out',
      (machine) =>
        void machine.files.set('/etc/logrotate.d/synapse', {
          text: `${LOG} {\n  # copytruncate\n  create\n  postrotate\n systemctl reload matrix-synapse\n}\n`,
        }),
    ],
    [
      'a log that was written to five minutes after its last record',
      (machine) => void machine.files.set(LOG, { text: accessLines(10, machine.nowMs() - 5 * 60_000) }),
    ],
    ['a machine without Prometheus', (machine) => void machine.pages.delete('http://127.0.0.1:9090/api/v1/targets?state=active')],
    ['a log that was just rotated', (machine) => void machine.files.set(LOG, { text: '' })],
    [
      'a service that was restarted after a failure',
      (machine) => void setUnit(machine, { ExecMainStatus: '1', Result: 'success', NRestarts: '1' }),
    ],
  ];

  it.each(cases)('%s', async (_, change) => {
    const machine = wellMachine();
    const config = change(machine);
    expect(await toDo(machine, config)).toEqual([]);
  });
});

it('a wrong configuration is all there is to mend first', async () => {
  const found = await diagnose({
    machine: wellMachine(),
    configPath: '/x.yml',
    config: { ok: false, problems: [{ file: '/x.yml', line: 1, column: 1, path: 'sourcs', message: 'unknown key' }] },
    prometheusUrl: null,
  });
  expect(found[0]).toMatchObject({ check: 'configuration', verdict: 'todo', text: expect.stringContaining('unknown key') });
  expect(found.map(({ check }) => check)).not.toContain('log-there');
});

it('the log is tried with the user and groups of the service', async () => {
  const machine = wellMachine({ SupplementaryGroups: 'adm systemd-journal' });
  await findings(machine);
  expect(machine.ran).toContainEqual(`setpriv --reuid=61184 --regid=61184 --groups=adm,systemd-journal -- head -c 1 ${LOG}`);
  setUnit(machine, { DynamicUser: 'no', User: 'lotus-e2ee-watch' });
  await findings(machine);
  expect(machine.ran).toContainEqual(`setpriv --reuid=lotus-e2ee-watch --regid=lotus-e2ee-watch --clear-groups -- head -c 1 ${LOG}`);
});

it('advises to join the group that may read the log', async () => {
  const machine = wellMachine();
  machine.programs.set('setpriv', { exitCode: 1 });
  const found = await findings(machine);
  expect(found.find(({ check }) => check === 'log-readable')?.advice).toContain('SupplementaryGroups=adm');
  machine.programs.set('stat ', { out: '640 root nogroup\n' });
  const again = await findings(machine);
  expect(again.find(({ check }) => check === 'log-readable')?.advice).not.toContain('SupplementaryGroups=nogroup');
});

describe('the end of a service', () => {
  it.each(['203', '216', '217', '226', '243', '78', '2', '1'])('with %s is explained, with what to do', (status) => {
    const meaning = explainEnd(status, 'exit-code');
    expect(meaning?.text).toMatch(new RegExp(`\\(${status}\\b`));
    expect(meaning?.advice.length).toBeGreaterThan(20);
  });

  it.each(['watchdog', 'oom-kill', 'timeout', 'start-limit-hit'])('by %s is explained, with what to do', (result) => {
    expect(explainEnd('9', result)?.advice.length).toBeGreaterThan(20);
  });

  it('that was asked for is none', () => {
    expect(explainEnd('0', 'success')).toBeUndefined();
  });

  it('that nobody knows is told as it is', () => {
    expect(explainEnd('99', 'exit-code')).toMatchObject({ text: 'it ended with 99 (exit-code)' });
  });
});
