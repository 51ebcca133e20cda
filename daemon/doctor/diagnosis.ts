/** All checks, in the order in which an operator mends: the configuration, the service, each log, what stands around. */
import type { Config } from '../config/config.ts';
import { type Checked, formatProblem } from '../config/problem.ts';
import { checkJournal } from './check-journal.ts';
import { checkLog } from './check-log.ts';
import { checkContainer, checkService, checkSystemd } from './check-service.ts';
import { checkBuffer, checkClock, checkPort, checkPrometheus, checkRotation, checkWorkers } from './check-surroundings.ts';
import { type Finding, good, todo } from './finding.ts';
import type { Machine } from './machine.ts';
import { readUnitState, type UnitState } from './unit-state.ts';

export interface DiagnosisOptions {
  readonly machine: Machine;
  /** Null: none is there, defaults hold. */
  readonly configPath: string | null;
  readonly config: Checked<Config>;
  readonly prometheusUrl: string | null;
}

export async function diagnose({ machine, configPath, config, prometheusUrl }: DiagnosisOptions): Promise<Finding[]> {
  const unit = readUnitState(machine);
  const service = [...checkSystemd(unit), ...checkContainer(machine, unit), ...checkService(unit)];
  if (!config.ok) {
    const problems = config.problems.map((problem) =>
      todo('configuration', formatProblem(problem), `Mend it: \`lotus-e2ee-watch check --config ${configPath}\` checks it again`),
    );
    return [...problems, ...service];
  }
  const { value } = config;
  return [
    good('configuration', configPath === null ? 'No configuration file: defaults hold' : `${configPath} is a good configuration`),
    ...service,
    ...(await checkSources(value, machine, unit)),
    ...checkRotation(value.sources, machine),
    ...checkWorkers(value.sources, machine),
    ...checkBuffer(machine),
    ...(await checkPort(value, machine, unit)),
    ...(await checkPrometheus(value, prometheusUrl, machine)),
    ...checkClock(value.sources, machine),
  ];
}

async function checkSources({ sources }: Config, machine: Machine, unit: UnitState): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const source of sources) {
    if (source.kind === undefined) findings.push(...(await checkLog(source, machine, unit)));
    else if (source.kind === 'journal') findings.push(...checkJournal(source, machine, unit));
  }
  return findings;
}
