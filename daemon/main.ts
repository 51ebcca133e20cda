/**
 * Arguments → command → exit code. The only place that ends the process, and the only reader of its arguments and environment.
 *
 * Exit codes: 0 done (or stopped as asked), 1 failed, 2 wrong usage, 78 configuration or rules wrong (EX_CONFIG; systemd doesn't restart
 * on 2 and 78). Compiled code is kept between runs, so everything but this file is imported after that was switched on: starting costs a
 * tenth of a second instead of three.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const [{ runProgram }, { boundYoungGeneration }] = await Promise.all([import('./commands/program.ts'), import('./heap-bounds.ts')]);
boundYoungGeneration();

// A pipe that is closed early (`analyze … | head`) is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.stderr.write(`Cannot write to standard output: ${error.message}\n`);
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  // `exitCode` instead of `exit`: what was written is flushed first.
  process.exitCode = await runProgram(
    process.argv,
    {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
      isOutTerminal: process.stdout.isTTY === true,
      isErrTerminal: process.stderr.isTTY === true,
      usesColour: process.stdout.isTTY === true && !process.env['NO_COLOR'],
      columns: process.stdout.columns ?? 100,
    },
    process.env,
  );
} catch (error) {
  process.stderr.write(`Cannot go on: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
