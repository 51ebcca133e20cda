/** The command line of `npm run torture`. In: its arguments. Out: one plan a seed; the help; or what is wrong, as one sentence. */
import { parseArgs } from 'node:util';

const MODES = ['rename', 'delete', 'copytruncate'] as const;
type Mode = (typeof MODES)[number];

export interface Plan {
  readonly seed: number;
  readonly seconds: number;
  readonly rate: number;
  readonly mode: Mode;
  /** The files stay, to be looked at. */
  readonly keepsFiles: boolean;
}

export const HELP = `npm run torture -- [--seed N | --seeds A-B] [--mode rename|delete|copytruncate] [--seconds N] [--rate N] [--keep]

Runs the real watcher on a log that is written and rotated, while it is killed and stopped and its disk fails. One line a seed: "ok", or "RED" with
what was lost, doubled or stepped back; exit code 1 then. The same seed gives the same log and the same faults.

  --seed, --seeds   1; A-B runs one after the other
  --mode            how the log is rotated; rename
  --seconds         how long each runs; 60
  --rate            lines a second, at most; 20000
  --keep            leaves the log and the state where they are
`;

/** A problem is one sentence. */
export function readCommandLine(args: readonly string[]): readonly Plan[] | 'help' | { readonly problem: string } {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return 'help';
  const mode = MODES.find((name) => name === values.mode);
  if (mode === undefined) return { problem: `Cannot rotate by "${values.mode}": expected ${MODES.join(', ')}` };
  const seedText = values.seed ?? values.seeds;
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(seedText) ?? [];
  if (first === '' || Number(last) < Number(first))
    return { problem: `Cannot take "${seedText}" as seeds: expected a number, or two as 1-20` };
  const [seconds, rate] = [values.seconds, values.rate].map(Number) as [number, number];
  if (!(seconds > 0)) return { problem: `Cannot run for "${values.seconds}" seconds: expected a number above 0` };
  if (!(rate > 0)) return { problem: `Cannot write "${values.rate}" lines a second: expected a number above 0` };
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, i) => ({ seed: Number(first) + i, seconds, rate, mode, keepsFiles: values.keep }));
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '60' },
      rate: { type: 'string', default: '20000' },
      mode: { type: 'string', default: 'rename' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
}
