/**
 * The command line: which commands and options there are, and which file does each. In: arguments. Out: the exit code; help and complaints
 * about usage are commander's.
 */
import { Command, CommanderError } from 'commander';
import { PRINT_CONFIG, printConfig } from '../config/read-config-apart.ts';
import type { Environment } from '../systemd/service-manager.ts';
import { VERSION } from '../version.ts';
import type { RunSurroundings } from './run.ts';
import { EXIT, type Terminal } from './terminal.ts';

/**
 * @param argv as `process.argv`: node, script, arguments
 * @param environment as `process.env`: what systemd says through it
 */
export async function runProgram(argv: readonly string[], terminal: Terminal, environment: Environment = {}): Promise<number> {
  let exitCode: number = EXIT.done;
  const setExitCode = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram(terminal, { environment, script: argv[1] ?? '' }, setExitCode);
  addOwnCommands(program, terminal);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    // Commander has said what is wrong; help and version come here too, with exit code 0.
    if (!(error instanceof CommanderError)) throw error;
    exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  return exitCode;
}

/** The command line as data, for whoever describes it (man page, completion). Parsing with it runs nothing that can be seen. */
export function describeProgram(): Command {
  const silent: Terminal = { out: () => {}, err: () => {}, isOutTerminal: false, isErrTerminal: false, usesColour: false, columns: 80 };
  return createProgram(silent, { environment: {}, script: '' }, () => {});
}

/** What the program runs for itself; nobody else needs it. */
function addOwnCommands(program: Command, terminal: Terminal): void {
  program
    .command(PRINT_CONFIG, { hidden: true })
    .argument('<file>')
    .action(async (path: string) => terminal.out(await printConfig(path)));
}

function createProgram(terminal: Terminal, surroundings: RunSurroundings, setExitCode: (code: number) => void): Command {
  const ends = (code: Promise<number>): Promise<void> => code.then(setExitCode);
  const program = new Command('lotus-e2ee-watch')
    .description(
      'Watches the log of a Synapse homeserver for end-to-end-encryption faults: which device is broken, since when, whom it silences.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(see lotus-e2ee-watch --help)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) });

  program
    .command('run')
    .description('follow the log and serve metrics, until told to stop')
    .argument('[source]', '- for standard input, in place of the sources of the configuration')
    .option('-c, --config <file>', 'configuration (YAML); default: none, everything has a default')
    .action((source: string | undefined, options: { config?: string }) =>
      ends(import('./run.ts').then(({ runCommand }) => runCommand(source, options, terminal, surroundings))),
    );

  program
    .command('analyze')
    .description('read whole logs (.gz, rotated generations, patterns; - for standard input) and say what is in them')
    .argument('<file...>', 'log files')
    .option('--json', 'print one JSON object')
    .option('--timezone <name>', "the log's time zone, as an IANA name; default: the machine's")
    .option(
      '--rules <path>',
      'rules of your own, besides the built-in ones; may be given several times',
      (path: string, before: string[]) => [...before, path],
      [],
    )
    .option('--no-progress', 'no progress bar')
    .action((files: string[], options: { json?: boolean; timezone?: string; rules?: string[]; progress?: boolean }) =>
      ends(import('./analyze.ts').then(({ analyzeCommand }) => analyzeCommand(files, options, terminal))),
    );

  program
    .command('demo')
    .description('play a real capture into a file, watch it, and show what is seen')
    .option('--speed <factor>', 'how much faster than it happened', '8')
    .option('--keep-running', 'go on serving after the capture has ended')
    .action((options: { speed: string; keepRunning?: boolean }) =>
      ends(import('./demo.ts').then(({ demoCommand }) => demoCommand(options, terminal))),
    );

  program
    .command('check')
    .description('check the configuration and the rules, and run the rules’ own tests')
    .argument('[rules...]', 'rule files or folders of your own')
    .option('-c, --config <file>', 'configuration to check too')
    .option('--json', 'print one JSON object')
    .action((paths: string[], options: { config?: string; json?: boolean }) =>
      ends(import('./check.ts').then(({ checkCommand }) => checkCommand(paths, options, terminal))),
    );

  program
    .command('doctor')
    .description('look for what goes wrong on this machine (permissions, log level, zone, rotation, systemd, ports) and say what to do')
    .option('-c, --config <file>', 'configuration; default: /etc/lotus-e2ee-watch/config.yml')
    .option('--prometheus <url>', 'the Prometheus that is to scrape; default: one on this machine, if there is')
    .option('--json', 'print one JSON object')
    .action((options: { config?: string; prometheus?: string; json?: boolean }) =>
      ends(import('./doctor.ts').then(({ doctorCommand }) => doctorCommand(options, terminal))),
    );
  return program;
}
