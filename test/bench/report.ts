/**
 * In: the measurements of every command on every profile. Out: tables and goals, as text.
 *
 * Invariant: nothing timed ever decides success; a missed goal is printed, not thrown. Bars are those of reference/performance.md 9, set
 * for the profile info at 1 GiB; on other profiles and sizes they only show the trend.
 */
import type { Profile } from './generator/truth.ts';
import type { Measurement } from './measure.ts';

export interface CommandResult {
  readonly name: string;
  readonly isOurs: boolean;
  readonly runs: readonly Pick<Measurement, 'cpuSeconds' | 'wallSeconds' | 'peakMebibytes'>[];
}

export interface ProfileResult {
  readonly profile: Profile;
  readonly bytes: number;
  readonly lines: number;
  readonly commands: readonly CommandResult[];
}

export interface Goal {
  readonly goal: string;
  readonly bar: number;
  /** Undefined: not measured, as a command is missing. */
  readonly value: number | undefined;
  readonly isMet: boolean | undefined;
}

/** Ours must be at least `bar` times as fast by CPU. */
const SPEED_BARS: readonly (readonly [string, string, number])[] = [
  ['mtail', 'speed against mtail', 25],
  ['mawk', 'speed against mawk, full parse', 4],
  ['naive-node', 'speed against naive Node', 5],
  ['grep', 'speed against grep -c -F', 0.2],
];
const PEAK_BAR_MEBIBYTES = 150;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

const cpuOf = (command: CommandResult): number => median(command.runs.map((run) => run.cpuSeconds));
const peakOf = (command: CommandResult): number => Math.max(...command.runs.map((run) => run.peakMebibytes));
const fastestOurs = (result: ProfileResult): CommandResult | undefined => result.commands.find(({ isOurs }) => isOurs);

export function goalsOf(result: ProfileResult): Goal[] {
  const ours = fastestOurs(result);
  const speeds = SPEED_BARS.map(([name, goal, bar]): Goal => {
    const peer = result.commands.find((command) => command.name === name);
    const value = ours && peer ? cpuOf(peer) / cpuOf(ours) : undefined;
    return { goal: `${goal}, times`, bar, value, isMet: value === undefined ? undefined : value >= bar };
  });
  const peak = ours && Number.isFinite(peakOf(ours)) ? peakOf(ours) : undefined;
  return [
    ...speeds,
    {
      goal: 'peak memory, MiB (at most)',
      bar: PEAK_BAR_MEBIBYTES,
      value: peak,
      isMet: peak === undefined ? undefined : peak <= PEAK_BAR_MEBIBYTES,
    },
  ];
}

/** `met`, `missed`, `not measured`. */
export const verdict = (isMet: boolean | undefined): string => (isMet === undefined ? 'not measured' : isMet ? 'met' : 'missed');

export function formatResult(result: ProfileResult): string {
  const ours = fastestOurs(result);
  const megabytes = result.bytes / 1e6;
  const rows = result.commands
    .toSorted((a, b) => cpuOf(a) - cpuOf(b))
    .map((command) => [
      command.name,
      cpuOf(command).toFixed(3),
      (megabytes / cpuOf(command)).toFixed(0),
      median(command.runs.map((run) => run.wallSeconds)).toFixed(3),
      Number.isFinite(peakOf(command)) ? peakOf(command).toFixed(0) : '-',
      ours && command !== ours ? (cpuOf(command) / cpuOf(ours)).toFixed(2) : '-',
      String(command.runs.length),
    ]);
  const head = ['command', 'CPU s', 'MB/s by CPU', 'wall s', 'peak MiB', `CPU, ${ours?.name ?? 'ours'} = 1`, 'runs'];
  const title = `${result.profile}: ${megabytes.toFixed(0)} MB, ${result.lines} lines; medians, peak the largest`;
  const goals = goalsOf(result).map(({ goal, bar, value, isMet }) => [goal, String(bar), value?.toFixed(2) ?? '-', verdict(isMet)]);
  return `${title}\n\n${formatTable([head, ...rows])}\n\n${formatTable([['goal', 'bar', 'here', ''], ...goals])}`;
}

/** Columns padded to their widest cell, the first to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0));
  return rows.map((row) => `  ${row.map(pad).join('  ')}`.trimEnd()).join('\n');
}
