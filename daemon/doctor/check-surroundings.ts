/** Checks of what stands around the log: rotation, workers, Synapse's buffer, the port, Prometheus, the clock. */
import { basename, dirname, join } from 'node:path';
import type { Config, SourceConfig } from '../config/config.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import { type Finding, good, note, todo } from './finding.ts';
import type { Machine } from './machine.ts';
import { UNIT, type UnitState } from './unit-state.ts';

const LOGROTATE_FOLDER = '/etc/logrotate.d';
const SYNAPSE_LOG_CONFIG = '/etc/matrix-synapse/log.yaml';

/** A log beside the watched one that was written to within this is a worker's that somebody runs. */
const RECENT_MS = 24 * 3_600_000;

/** How far the machine's clock may be behind what it has written itself. */
const CLOCK_TOLERANCE_MS = 60_000;

/** logrotate's `copytruncate` cuts what was written between copy and cut, and nobody can know what. */
export function checkRotation(sources: readonly SourceConfig[], machine: Machine): Finding[] {
  const paths = sources.filter(({ kind }) => kind === undefined).map(({ path }) => path);
  return machine.names(LOGROTATE_FOLDER).flatMap((name) => {
    const file = join(LOGROTATE_FOLDER, name);
    const text = (machine.readText(file) ?? '').replace(/^\s*#.*$/gm, '');
    if (!paths.some((path) => text.includes(path) || text.includes(`${dirname(path)}/*`))) return [];
    if (/\bcopytruncate\b/.test(text))
      return [
        todo(
          'rotation',
          `${file} rotates the log with copytruncate: lines written between copy and cut are lost`,
          `In ${file}: "create" and "postrotate systemctl reload matrix-synapse; endscript" in place of copytruncate. Or remove the file: Synapse's own log configuration rotates (TimedRotatingFileHandler).`,
        ),
      ];
    if (/\bcreate\b/.test(text) && !/reload|HUP/.test(text))
      return [
        todo(
          'rotation',
          `${file} rotates the log without telling Synapse: it goes on writing to the old file`,
          `In ${file}: "postrotate systemctl reload matrix-synapse; endscript"`,
        ),
      ];
    return [good('rotation', `${file} rotates the log`)];
  });
}

export function checkWorkers(sources: readonly SourceConfig[], machine: Machine): Finding[] {
  const watched = new Set(sources.map(({ path }) => path));
  const folders = new Set(sources.filter(({ kind }) => kind === undefined).map(({ path }) => dirname(path)));
  const unwatched = [...folders].flatMap((folder) =>
    machine
      .names(folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(folder, name))
      .filter((path) => !watched.has(path) && isRecent(path, machine)),
  );
  const units = machine
    .run('systemctl', ['list-units', '--plain', '--no-legend', '--state=active', 'matrix-synapse-worker@*', 'matrix-synapse@*'])
    .out.split('\n')
    .flatMap((line) => line.split(' ')[0] || []);
  const processes = sources.length;
  if (unwatched.length > 0)
    return [
      todo(
        'workers',
        `Logs beside the watched one are written to and not watched: ${unwatched.slice(0, 8).join(', ')}`,
        `If they are Synapse's workers, each is a source of its own:\n${unwatched.map((path) => `  - path: ${path}`).join('\n')}`,
      ),
    ];
  if (units.length + 1 > processes)
    return [
      todo(
        'workers',
        `${units.length} workers run (${units.slice(0, 5).join(', ')}), and ${processes} log${processes === 1 ? ' is' : 's are'} watched`,
        'Where do they log? `filename` in the log configuration of each (worker_log_config). Each log is a source of its own; a worker that logs to the journal is `journal: UNIT`.',
      ),
    ];
  return [good('workers', units.length === 0 ? 'No worker runs beside the main process' : `All ${processes} logs are watched`)];
}

function isRecent(path: string, machine: Machine): boolean {
  const look = machine.look(path);
  return typeof look !== 'string' && look.kind === 'file' && machine.nowMs() - look.modifiedMs < RECENT_MS;
}

/** Synapse's default handler holds INFO lines back (PeriodicallyFlushingMemoryHandler, period 5 in Debian's log.yaml). */
export function checkBuffer(machine: Machine): Finding[] {
  const text = machine.readText(SYNAPSE_LOG_CONFIG);
  if (text === null || !text.includes('PeriodicallyFlushingMemoryHandler')) return [];
  const period = /^\s*period:\s*(\d+)/m.exec(text)?.[1] ?? '5';
  return [note('buffer', `Synapse holds its lines back for up to ${period} s before it writes them: what is seen here is that much late`)];
}

/** What the running daemon says of its sources; null where none answers. */
export async function checkPort({ listen }: Config, machine: Machine, unit: UnitState): Promise<Finding[]> {
  const address = formatListenAddress(listen);
  const body = await machine.fetch(`http://${reachable(address)}/api/v1/status`);
  const sources = body === null ? null : sourcesOf(body);
  if (sources !== null) return [good('port', `The daemon answers on ${address}`), ...sources.map(sourceFinding)];
  if (await machine.isTaken(listen.host, listen.port))
    return [
      todo(
        'port',
        `${address} is in use, and not by this daemon`,
        `ss -ltnp 'sport = :${listen.port}' shows by whom. Set another port: \`listen\` in the configuration.`,
      ),
    ];
  const isRunning = unit.properties['ActiveState'] === 'active';
  return isRunning
    ? [
        todo(
          'port',
          `The service runs, but nothing answers on ${address}`,
          `Is another address set in its configuration? systemctl restart ${UNIT} takes a changed one.`,
        ),
      ]
    : [good('port', `${address} is free`)];
}

function reachable(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}

interface AnsweredSource {
  readonly name: string;
  readonly state: string;
}

function sourcesOf(body: string): readonly AnsweredSource[] | null {
  try {
    const { schema, sources } = JSON.parse(body) as { schema?: unknown; sources?: unknown };
    return typeof schema === 'string' && schema.startsWith('lotus-e2ee-watch/status') && Array.isArray(sources)
      ? (sources as readonly AnsweredSource[])
      : null;
  } catch {
    return null;
  }
}

function sourceFinding({ name, state }: AnsweredSource): Finding {
  if (state === 'following' || state === 'ended') return good('daemon-source', `The daemon is at the end of ${name}`);
  if (state === 'catching up') return note('daemon-source', `The daemon is reading what ${name} has; until then /metrics answers 503`);
  return todo('daemon-source', `The daemon can't read ${name}: ${state}`, 'The findings about that log say what to do.');
}

/** @param url of a Prometheus that is to scrape us; null: one on this machine is looked for */
export async function checkPrometheus({ listen }: Config, url: string | null, machine: Machine): Promise<Finding[]> {
  const base = (url ?? 'http://127.0.0.1:9090').replace(/\/+$/, '');
  const body = await machine.fetch(`${base}/api/v1/targets?state=active`);
  const isLoopback = listen.host === 'localhost' || listen.host === '::1' || listen.host.startsWith('127.');
  if (body === null) {
    if (url !== null)
      return [todo('prometheus', `No Prometheus answers on ${base}`, 'Is that its address, and may this machine reach it?')];
    const from = isLoopback ? ' It listens on loopback alone: one on another machine can’t scrape it' : '';
    return [
      note(
        'prometheus',
        `There is no Prometheus on this machine.${from}`,
        isLoopback ? 'deploy/README.md, "Prometheus on another machine"' : undefined,
      ),
    ];
  }
  const targets = targetsOf(body).filter(({ scrapeUrl }) => scrapeUrl.includes(`:${listen.port}/`));
  const up = targets.find(({ health }) => health === 'up');
  if (up !== undefined) return [good('prometheus', `Prometheus on ${base} scrapes ${up.scrapeUrl}`)];
  const failing = targets[0];
  if (failing !== undefined)
    return [
      todo(
        'prometheus',
        `Prometheus on ${base} can't scrape ${failing.scrapeUrl}: ${failing.lastError}`,
        'The findings about port and service say what is missing here.',
      ),
    ];
  return [
    todo(
      'prometheus',
      `Prometheus on ${base} has no target with port ${listen.port}`,
      'Add a job: /usr/share/lotus-e2ee-watch/prometheus has one to copy.',
    ),
  ];
}

interface Target {
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

function targetsOf(body: string): readonly Target[] {
  try {
    const { data } = JSON.parse(body) as { data?: { activeTargets?: readonly Target[] } };
    return data?.activeTargets ?? [];
  } catch {
    return [];
  }
}

/** A clock that is wrong shifts every alert, and one that lags makes log times lie in the future. */
export function checkClock(sources: readonly SourceConfig[], machine: Machine): Finding[] {
  const ahead = sources
    .filter(({ kind }) => kind === undefined)
    .flatMap(({ path }) => {
      const look = machine.look(path);
      return typeof look !== 'string' && look.modifiedMs - machine.nowMs() > CLOCK_TOLERANCE_MS ? [basename(path)] : [];
    });
  if (ahead.length > 0)
    return [
      todo('clock', `${ahead.join(', ')} was written in the future: this machine's clock lags, or lagged`, 'timedatectl set-ntp true'),
    ];
  const { exitCode, out } = machine.run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (exitCode !== 0) return [];
  return out.trim() === 'yes'
    ? [good('clock', 'The clock is synchronised')]
    : [note('clock', 'Nobody says that the clock is synchronised (in a container the host sees to it)', 'timedatectl set-ntp true')];
}
