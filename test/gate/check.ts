// `npm run check`: the one gate in front of every change. Exit code 0 only if all of it is green.

import { GATES } from './gates.ts';
import { runGates } from './run-gates.ts';
import { runScript } from './run-script.ts';

process.exitCode = await runGates(GATES, { run: runScript, write: (text) => process.stdout.write(text) });
