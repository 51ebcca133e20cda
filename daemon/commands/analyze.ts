/**
 * `analyze`: whole logs in, what is in them out. Reads every file to its end, generations oldest first, and prints the report: text for a
 * person, or the JSON of contract.md. No clock: things stand as at the newest record read.
 *
 * A file that can't be read is said on standard error, and the rest is done; the exit code is 1 then. A file that holds the same records as
 * one already read (the JSON twin of a text log) is left out with a warning.
 */
import { createAnalysis, type SourceReport } from '../../src/analysis.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import { groupIntoSources, type LogSource } from '../../src/tail/generations.ts';
import { formatProblem } from '../config/problem.ts';
import { isTimeZone, machineTimeZone } from '../config/time-zone.ts';
import { boundOldGeneration } from '../heap-bounds.ts';
import { loadRuleSet } from '../rules/rule-set-loader.ts';
import { findInputPaths } from '../sources/input-paths.ts';
import { LogTimeTurns } from '../sources/log-time-turns.ts';
import { findTwins } from '../sources/twin-files.ts';
import { readWholeFile, STANDARD_INPUT } from '../sources/whole-file-reader.ts';
import { jsonPieces } from './json-pieces.ts';
import { createProgress, type Progress } from './progress.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { makeVisible } from './terminal-text.ts';

export interface AnalyzeOptions {
  readonly json?: boolean;
  readonly timezone?: string;
  readonly rules?: readonly string[];
  /** false: no progress bar. */
  readonly progress?: boolean;
}

export async function analyzeCommand(files: readonly string[], options: AnalyzeOptions, terminal: Terminal): Promise<number> {
  boundOldGeneration();
  const timeZone = options.timezone ?? machineTimeZone();
  if (!isTimeZone(timeZone)) {
    terminal.err(`Cannot use --timezone "${timeZone}": not a time zone, expected an IANA name such as Europe/Berlin\n`);
    return EXIT.usage;
  }
  const rules = await loadRuleSet({ extraPaths: options.rules ?? [] });
  if (!rules.ok) {
    terminal.err(`${rules.problems.map(formatProblem).join('\n')}\n`);
    return EXIT.config;
  }
  const inputs = findInputPaths(files);
  const { sources, warnings } = groupIntoSources(inputs.paths);
  const twins = await findTwins(sources, timeZone);
  const problems = [...inputs.problems];
  for (const line of [...inputs.problems, ...warnings, ...twins.warnings]) terminal.err(`${makeVisible(line)}\n`);
  const pipeline = new Pipeline({ rules: rules.value, metrics: new MetricStore() });
  const reports = await readSources(twins.sources, pipeline, timeZone, options, terminal, problems);
  pipeline.end();
  const isEmpty = reports.length === 0;
  if (!isEmpty) await print(pipeline, reports, timeZone, options, terminal);
  return problems.length > 0 || isEmpty ? EXIT.failed : EXIT.done;
}

async function readSources(
  sources: readonly LogSource[],
  pipeline: Pipeline,
  timeZone: string,
  options: AnalyzeOptions,
  terminal: Terminal,
  problems: string[],
): Promise<SourceReport[]> {
  const progress = await createProgress(sources, terminal, options.progress !== false && !options.json);
  const opened = sources.map((source) => ({
    source,
    stream: pipeline.addSource({ name: source.path === STANDARD_INPUT ? 'stdin' : source.path, timeZone }),
  }));
  const turns = opened.length > 1 ? new LogTimeTurns(opened.map(({ stream }) => stream)) : null;
  const say = (problem: string): void => {
    problems.push(problem);
    progress.say(makeVisible(problem));
  };
  const reports = await Promise.all(
    opened.map(async ({ source, stream }) => {
      const gaps = await readGenerations(source, stream, turns, progress, say);
      pipeline.endSource(stream);
      turns?.leave(stream);
      const foreign = describeForeign(source.path, stream);
      if (foreign !== null) say(foreign);
      return stream.counts.lines > 0 || gaps.length > 0 || source.generations.length > 0 ? { path: source.path, stream, gaps } : null;
    }),
  );
  progress.end();
  return reports.filter((report) => report !== null);
}

/** Oldest first. Returns what couldn't be read to its end. */
async function readGenerations(
  { generations }: LogSource,
  stream: SourceStream,
  turns: LogTimeTurns | null,
  progress: Progress,
  say: (problem: string) => void,
): Promise<SourceReport['gaps']> {
  const gaps: { file: string; problem: string }[] = [];
  const surroundings = turns === null ? {} : { turn: () => turns.next(stream) };
  for (const file of generations) {
    const { problem, bytesRead } = await readWholeFile(file, stream, progress.reporter(file), surroundings);
    if (problem === undefined) continue;
    say(problem);
    if (bytesRead > 0) gaps.push({ file, problem });
  }
  return gaps;
}

/** `synapse.access.http.8008: [GET-1] …`, behind what journalctl puts in front. */
const JOURNAL_HANDLER_LINE = /(?:^|\]: )synapse\.[\w.]{1,100}: \[/;

/** A log of another program: it has lines, and none of them is a record of Synapse's. */
function describeForeign(path: string, { counts, firstUnknown }: SourceStream): string | null {
  if (counts.lines === 0 || counts.records > 0) return null;
  const expected = JOURNAL_HANDLER_LINE.test(firstUnknown)
    ? "expected what `journalctl --output json` exports, as Synapse's journal handler puts neither time nor level into the text"
    : 'expected its text format or JSON';
  return `Cannot recognise "${path}": none of its ${counts.lines} ${counts.lines === 1 ? 'line' : 'lines'} is a record of Synapse's, ${expected}`;
}

async function print(
  pipeline: Pipeline,
  reports: readonly SourceReport[],
  timeZone: string,
  options: AnalyzeOptions,
  terminal: Terminal,
): Promise<void> {
  const analysis = createAnalysis(pipeline, reports);
  if (options.json) {
    // Indented for a person; a script gets it in one line, in half the time.
    if (terminal.isOutTerminal) terminal.out(JSON.stringify(analysis, null, 2));
    else for (const piece of jsonPieces(analysis)) terminal.out(piece);
    terminal.out('\n');
    return;
  }
  const { renderTextReport } = await import('./text-report.ts');
  terminal.out(renderTextReport(analysis, { timeZone, usesColour: terminal.usesColour, columns: terminal.columns }));
}
