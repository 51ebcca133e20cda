/**
 * `doctor`: what goes wrong in the field, looked for on this machine, and what to do about it. In: the configuration. Out: findings, and the exit code: 0
 * where nothing is to be done, 1 where something is. It only looks.
 */
import { existsSync } from 'node:fs';
import { defaultConfig } from '../config/config.ts';
import { diagnose } from '../doctor/diagnosis.ts';
import type { Finding, Verdict } from '../doctor/finding.ts';
import { type Machine, thisMachine } from '../doctor/machine.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly prometheus?: string;
}

const PACKAGED_CONFIG = '/etc/lotus-e2ee-watch/config.yml';

const MARKS: Readonly<Record<Verdict, string>> = { good: 'ok', todo: 'TO DO', note: 'note' };

export async function doctorCommand(options: DoctorOptions, terminal: Terminal, machine: Machine = thisMachine): Promise<number> {
  const configPath = options.config ?? (existsSync(PACKAGED_CONFIG) ? PACKAGED_CONFIG : null);
  const { loadConfigFile } = await import('../config/load-config.ts');
  const config = configPath === null ? ({ ok: true, value: defaultConfig() } as const) : await loadConfigFile(configPath);
  const findings = await diagnose({ machine, configPath, config, prometheusUrl: options.prometheus ?? null });
  const toDo = findings.filter(({ verdict }) => verdict === 'todo').length;
  if (options.json) terminal.out(`${JSON.stringify({ schema: 'lotus-e2ee-watch/doctor@1', ok: toDo === 0, findings }, null, 2)}\n`);
  else {
    for (const finding of findings) terminal.out(`${format(finding)}\n`);
    terminal.out(toDo === 0 ? '\nNothing to do\n' : `\n${toDo} thing${toDo === 1 ? '' : 's'} to do\n`);
  }
  return toDo === 0 ? EXIT.done : EXIT.failed;
}

/** `TO DO  The service may not read /x` and, indented below it, what to do. */
function format({ verdict, text, advice }: Finding): string {
  const head = `${MARKS[verdict].padEnd(7)}${text}`;
  return advice === undefined ? head : `${head}\n${advice.replace(/^/gm, '         ')}`;
}
