/** Checks of one log file: is it there, may the service read it, is it understood, does it say enough, do its times fit. */
import { dirname } from 'node:path';
import type { SourceConfig } from '../config/config.ts';
import { type Finding, good, note, todo } from './finding.ts';
import { type LogSample, readSample, SAMPLE_BYTES } from './log-sample.ts';
import type { FileLook, Machine } from './machine.ts';
import { DROP_IN_FOLDER, installDropIn, UNIT, type UnitState } from './unit-state.ts';

/** So many records must be there before "no access lines" means anything. A server without a user logs some a minute. */
const TELLING_RECORDS = 100;

/** More lines than this share that are not understood are worth a word. */
const UNKNOWN_SHARE = 0.05;

/** Stamps are of now, give or take: Synapse's buffer holds 5 s, a quiet server is silent for minutes. */
const ZONE_TOLERANCE_MS = 5 * 60_000;

/** Zones differ by quarters of an hour. */
const QUARTER_MS = 15 * 60_000;

/** A log that nobody has written to for so long is told of. */
const SILENT_MS = 24 * 3_600_000;

/** What DynamicUser= hands out lies in this range; nothing on a Debian system belongs to it (systemd's UIDS-GIDS). */
const DYNAMIC_UID = 61_184;

export async function checkLog(source: SourceConfig, machine: Machine, unit: UnitState): Promise<Finding[]> {
  const { path } = source;
  const look = machine.look(path);
  if (typeof look === 'string') return [missing(path, look, machine)];
  if (look.kind !== 'file')
    return [todo('log-there', `${path} is no file`, 'Set `path` of the source to the live log file, not to its folder')];
  const findings = [good('log-there', `${path} is there`), readable(path, machine, unit), ...hidden(path, unit)];
  const bytes = machine.readEnd(path, SAMPLE_BYTES);
  if (bytes === null) return [...findings, note('log-content', `${path} can't be looked into as this user`, 'Run the doctor as root')];
  const sample = await readSample(bytes, source.timezone, look.sizeBytes <= bytes.length);
  return [...findings, ...content(path, sample, look, machine), ...times(source, sample, look)];
}

function missing(path: string, code: string, machine: Machine): Finding {
  if (code === 'EACCES') return note('log-there', `${path} can't be seen as this user`, 'Run the doctor as root');
  const folder = dirname(path);
  const logs = machine.names(folder).filter((name) => name.endsWith('.log'));
  const others = logs.length === 0 ? `${folder} has no *.log` : `${folder} has ${logs.slice(0, 5).join(', ')}`;
  return todo(
    'log-there',
    `${path} is not there (${code}); ${others}`,
    'Set `path` of the source to the file that Synapse writes (`filename` in its log configuration, on Debian /etc/matrix-synapse/log.yaml). Where it logs to the journal, set `journal: matrix-synapse.service` in place of `path`.',
  );
}

/** With the service's own user and groups, which sees access lists too. */
function readable(path: string, machine: Machine, { properties }: UnitState): Finding {
  if (machine.uid !== 0)
    return note('log-readable', `Whether the service may read ${path} can only be tried as root`, 'Run the doctor as root');
  const isDynamic = (properties['User'] ?? '') === '' || properties['DynamicUser'] === 'yes';
  const user = isDynamic ? String(DYNAMIC_UID) : (properties['User'] ?? '');
  const groups = (properties['SupplementaryGroups'] ?? '').split(' ').filter((name) => name !== '');
  const group = isDynamic ? String(DYNAMIC_UID) : properties['Group'] || user;
  const groupArguments = groups.length === 0 ? ['--clear-groups'] : [`--groups=${groups.join(',')}`];
  const tried = machine.run('setpriv', [`--reuid=${user}`, `--regid=${group}`, ...groupArguments, '--', 'head', '-c', '1', path]);
  if (tried.exitCode === 0) return good('log-readable', `${path} is readable for the service`);
  if (tried.exitCode === null) return note('log-readable', `Whether the service may read ${path} can't be tried: no setpriv`);
  return todo('log-readable', `The service may not read ${path}`, adviceFor(path, machine));
}

function adviceFor(path: string, machine: Machine): string {
  const [mode = '', owner = '', group = ''] = machine.run('stat', ['--format=%a %U %G', path]).out.trim().split(' ');
  const now = `It is ${mode} ${owner}:${group}. `;
  // Group may read, and the group is one that is safe to join.
  if (/[4567].$/.test(mode) && group !== 'root' && group !== 'nogroup')
    return `${now}Join its group: mkdir -p ${DROP_IN_FOLDER} && printf '[Service]\\nSupplementaryGroups=${group}\\n' > ${DROP_IN_FOLDER}/80-log-group.conf && systemctl daemon-reload && systemctl restart ${UNIT}. The folder has to be open to that group too.`;
  return `${now}Make it readable for all, as Debian's package has it (chmod 644 ${path}; chmod 755 ${dirname(path)}), or for a group that the service joins: ${installDropIn('80-log-group.conf')}`;
}

/** Paths that the unit hides from the service, whoever may read them. */
function hidden(path: string, { properties }: UnitState): Finding[] {
  const isIn = (folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const home = ['/home', '/root', '/run/user'].find(isIn);
  const secret = (properties['InaccessiblePaths'] ?? '')
    .split(' ')
    .map((name) => name.replace(/^-/, ''))
    .find((name) => name !== '' && isIn(name));
  if (home !== undefined && properties['ProtectHome'] === 'yes')
    return [
      todo(
        'log-hidden',
        `${home} is hidden from the service (ProtectHome=)`,
        `In a drop-in: "[Service]\\nProtectHome=tmpfs\\nBindReadOnlyPaths=${dirname(path)}"`,
      ),
    ];
  if ((isIn('/tmp') || isIn('/var/tmp')) && properties['PrivateTmp'] === 'yes')
    return [
      todo(
        'log-hidden',
        `${path} is hidden from the service (PrivateTmp=)`,
        `Log elsewhere; or in a drop-in: "[Service]\\nBindReadOnlyPaths=${dirname(path)}"`,
      ),
    ];
  if (secret !== undefined)
    return [
      todo(
        'log-hidden',
        `${secret} is hidden from the service (InaccessiblePaths=)`,
        'Log elsewhere: what is beside the log there is none of its business',
      ),
    ];
  return [];
}

function content(path: string, sample: LogSample, look: FileLook, machine: Machine): Finding[] {
  if (sample.lines === 0) {
    const silentMs = machine.nowMs() - look.modifiedMs;
    return [
      note(
        'log-content',
        `${path} is empty${silentMs > SILENT_MS ? ', and has been for a day' : ''}`,
        'After a rotation without a reload Synapse goes on writing to the old file: systemctl reload matrix-synapse',
      ),
    ];
  }
  if (sample.format === null)
    return [
      todo(
        'log-format',
        `${path} is in no format this program knows`,
        'Is it Synapse’s log? A changed `format` in its log configuration must keep time, logger, level and request: see README, Troubleshooting.',
      ),
    ];
  const { kind, prefix } = sample.format;
  const unknown = sample.unrecognised.reduce((sum, [, count]) => sum + count, 0);
  const isTooMuch = unknown > sample.lines * UNKNOWN_SHARE;
  return [
    isTooMuch
      ? todo(
          'log-format',
          `${path}: ${unknown} of the last ${sample.lines} lines are not understood, most for "${sample.unrecognised[0]?.[0]}"`,
          'Please report it with some of these lines, names and addresses replaced.',
        )
      : good('log-format', `${path} is ${kind}${prefix === 'none' ? '' : ` (prefix: ${prefix})`}`),
    ...level(path, sample),
  ];
}

function level(path: string, { records, accessLines }: LogSample): Finding[] {
  if (accessLines > 0) return [good('log-level', `${path} has access lines`)];
  if (records < TELLING_RECORDS)
    return [note('log-level', `${path} has no access line among its last ${records} records: too few to tell`)];
  return [
    todo(
      'log-level',
      `${path} has no access line among its last ${records} records: most faults can't be seen`,
      'Set `synapse.access.http: {level: INFO}` (and no higher `root` level for it) below `loggers` in Synapse’s log configuration, then: systemctl reload matrix-synapse. Requests of clients may also go to workers: then their logs are the ones to watch.',
    ),
  ];
}

/** The newest stamp, read in the configured zone, is about when the file was last written to. */
function times({ path, timezone }: SourceConfig, { lastTimeMs }: LogSample, { modifiedMs }: FileLook): Finding[] {
  if (lastTimeMs === null) return [];
  const offMs = lastTimeMs - modifiedMs;
  if (Math.abs(offMs) <= ZONE_TOLERANCE_MS) return [good('log-zone', `The stamps in ${path} fit the zone ${timezone}`)];
  const quarters = Math.round(offMs / QUARTER_MS);
  const isZone = quarters !== 0 && Math.abs(offMs - quarters * QUARTER_MS) <= ZONE_TOLERANCE_MS && Math.abs(quarters) <= 26 * 4;
  if (!isZone)
    return [
      note(
        'log-zone',
        `The last record of ${path} and the file's own time are ${Math.round(Math.abs(offMs) / 60_000)} min apart: copied, or its end is no record`,
      ),
    ];
  const hours = (quarters * QUARTER_MS) / 3_600_000;
  return [
    todo(
      'log-zone',
      `The stamps in ${path} are ${Math.abs(hours)} h ${hours > 0 ? 'ahead of' : 'behind'} the time it was written at, if they are in ${timezone}`,
      'Set `timezone` (of the source, or for all) to the zone that Synapse’s machine writes in, such as UTC or Europe/Berlin.',
    ),
  ];
}
