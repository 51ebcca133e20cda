/** Checks of the service itself: systemd's version, drop-ins, how it ended last, the container around it. */
import { explainEnd } from './exit-codes.ts';
import { type Finding, good, note, todo } from './finding.ts';
import type { Machine } from './machine.ts';
import { installDropIn, UNIT, type UnitState } from './unit-state.ts';

/** From here on 50-systemd-254.conf is understood. */
const INHERITS_NOTIFY = 254;
/** The oldest the unit was tried with (Debian 12). */
const OLDEST = 252;

export function checkService(unit: UnitState): Finding[] {
  if (!unit.isBooted)
    return [note('service', 'systemd does not run this machine: nothing starts the daemon by itself, and nothing restarts it')];
  if (!unit.isLoaded)
    return [todo('service', `systemd does not know ${UNIT}`, 'Install the package, or copy the unit: see deploy/README.md')];
  return [stateOf(unit), ...enablementOf(unit), ...endOf(unit)];
}

function stateOf({ properties }: UnitState): Finding {
  const { ActiveState: state = '', StatusText: text = '' } = properties;
  if (state === 'active' || state === 'reloading') return good('service', `${UNIT} is running: ${text}`);
  return todo('service', `${UNIT} is ${state}`, `systemctl start ${UNIT}; if it ends again, the other findings say why`);
}

function enablementOf({ properties }: UnitState): Finding[] {
  if (properties['UnitFileState'] !== 'disabled') return [];
  return [note('service-enabled', `${UNIT} does not start with the machine`, `systemctl enable ${UNIT}`)];
}

function endOf({ properties }: UnitState): Finding[] {
  const { ActiveState: state = '', ExecMainStatus: status = '0', Result: result = '', NRestarts: restarts = '0' } = properties;
  const meaning = explainEnd(status, result);
  if (meaning === undefined) return [];
  const often = Number(restarts) > 0 ? `, restarted ${restarts} times` : '';
  const text = `At its last end: ${meaning.text}${often}`;
  return [state === 'active' ? note('service-end', text, meaning.advice) : todo('service-end', text, meaning.advice)];
}

export function checkSystemd(unit: UnitState): Finding[] {
  const { systemdVersion: version, properties, isBooted } = unit;
  if (!isBooted || version === null) return [];
  const dropIns = (properties['DropInPaths'] ?? '').split(' ').filter((path) => path !== '');
  const names = dropIns.map((path) => path.slice(path.lastIndexOf('/') + 1));
  const has = (name: string): boolean => names.includes(name);
  return [
    version < OLDEST
      ? note('systemd', `systemd ${version} is older than any this unit was tried with (${OLDEST}): some of its hardening may be ignored`)
      : good('systemd', `systemd ${version}${names.length === 0 ? ', no drop-ins' : `, drop-ins: ${dropIns.join(', ')}`}`),
    ...(version < INHERITS_NOTIFY && has('50-systemd-254.conf')
      ? [
          todo(
            'drop-ins',
            `50-systemd-254.conf is for systemd ${INHERITS_NOTIFY} and newer: with ${version} the service says nothing of its state`,
            `rm ${dropIns.find((path) => path.endsWith('50-systemd-254.conf'))} && systemctl daemon-reload && systemctl restart ${UNIT}`,
          ),
        ]
      : []),
    ...(version >= INHERITS_NOTIFY && unit.isLoaded && !has('50-systemd-254.conf')
      ? [note('drop-ins', `systemd ${version} can do more than the unit asks of it`, installDropIn('50-systemd-254.conf'))]
      : []),
    ...(has('zzz-lxc-service.conf')
      ? [
          note(
            'drop-ins',
            'This container image switches parts of every service’s hardening off (zzz-lxc-service.conf)',
            'With nesting allowed it is not needed: systemctl cat shows where it comes from',
          ),
        ]
      : []),
  ];
}

export function checkContainer(machine: Machine, unit: UnitState): Finding[] {
  const { exitCode, out } = machine.run('systemd-detect-virt', ['--container']);
  const kind = out.trim();
  if (exitCode !== 0 || kind === '' || kind === 'none') return [];
  const mapped = machine.readText('/proc/self/uid_map')?.trim().split(/\s+/)[1] ?? '0';
  const isUnprivileged = mapped !== '0';
  const name = `a container (${kind}${isUnprivileged ? ', unprivileged' : ''})`;
  // What forbids mounts shows in the exit code; a unit that runs has them, unless the drop-in gave them up.
  const hasGivenUp = (unit.properties['DropInPaths'] ?? '').includes('90-no-nesting.conf');
  const network = isUnprivileged ? '; IPAddressDeny= has no effect in it (no BPF), the socket drop-in holds there too' : '';
  if (hasGivenUp)
    return [
      note(
        'container',
        `This is ${name}, and 90-no-nesting.conf has given up what needs mount namespaces`,
        'With nesting=1 the drop-in can go: rm it, systemctl daemon-reload',
      ),
    ];
  return [note('container', `This is ${name}${network}`)];
}
