/** The service as systemd knows it, read once. In: `systemctl show`. Out: the properties that checks look at. */
import type { Machine } from './machine.ts';

export const UNIT = 'lotus-e2ee-watch.service';
const SHIPPED_DROP_INS = '/usr/share/lotus-e2ee-watch/systemd';
export const DROP_IN_FOLDER = `/etc/systemd/system/${UNIT}.d`;

export interface UnitState {
  /** systemd runs here (it may be absent in a container or a chroot). */
  readonly isBooted: boolean;
  /** 252; null: no systemctl. */
  readonly systemdVersion: number | null;
  readonly isLoaded: boolean;
  readonly properties: Readonly<Record<string, string>>;
}

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'Result',
  'ExecMainStatus',
  'ExecMainCode',
  'NRestarts',
  'StatusText',
  'DropInPaths',
  'FragmentPath',
  'DynamicUser',
  'User',
  'Group',
  'SupplementaryGroups',
  'ProtectHome',
  'PrivateTmp',
  'PrivateNetwork',
  'InaccessiblePaths',
  'MainPID',
];

export function readUnitState(machine: Machine): UnitState {
  const version = /^systemd (\d+)/.exec(machine.run('systemctl', ['--version']).out)?.[1];
  const isBooted = typeof machine.look('/run/systemd/system') !== 'string';
  const shown = isBooted ? machine.run('systemctl', ['show', UNIT, `--property=${PROPERTIES.join(',')}`]).out : '';
  const properties = Object.fromEntries(
    shown
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return {
    isBooted,
    systemdVersion: version === undefined ? null : Number(version),
    isLoaded: properties['LoadState'] === 'loaded',
    properties,
  };
}

/** How a drop-in of the package is put in place. */
export function installDropIn(name: string): string {
  return `install -D -m 644 ${SHIPPED_DROP_INS}/${name} -t ${DROP_IN_FOLDER} && systemctl daemon-reload && systemctl restart ${UNIT}`;
}
