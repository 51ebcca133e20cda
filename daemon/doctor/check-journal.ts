/** Checks of a source in the systemd journal: does the unit log there, may the service read it. */
import type { SourceConfig } from '../config/config.ts';
import { type Finding, good, todo } from './finding.ts';
import type { Machine } from './machine.ts';
import { installDropIn, type UnitState } from './unit-state.ts';

const READERS = ['systemd-journal', 'adm'];

export function checkJournal({ path: match }: SourceConfig, machine: Machine, { properties }: UnitState): Finding[] {
  const { exitCode, out } = machine.run('journalctl', ['--quiet', '--lines=1', '--output=json', match]);
  const there =
    exitCode === null
      ? todo(
          'journal-there',
          'There is no journalctl',
          'The journal can be read where systemd runs; in a container set `path` to a file, or read standard input (run -).',
        )
      : out.trim() === ''
        ? todo(
            'journal-there',
            `The journal has nothing for ${match}`,
            `Is that the unit's name? systemctl list-units '*synapse*'. Does Synapse log to standard output, or to a file after all?`,
          )
        : good('journal-there', `The journal has entries for ${match}`);
  const groups = (properties['SupplementaryGroups'] ?? '').split(' ');
  const mayRead = groups.some((group) => READERS.includes(group));
  return [
    there,
    mayRead
      ? good('journal-readable', 'The service may read the journal')
      : todo('journal-readable', 'The service may not read the journal', installDropIn('80-journal.conf')),
  ];
}
