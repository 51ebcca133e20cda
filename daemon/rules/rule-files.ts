/**
 * Rules from disk: the built-in folder and the operator's extra folders and files → one rule set, or every problem at once.
 *
 * Built-in files come from their prepared JSON where it fits their text; anything else goes through YAML and zod, which are imported
 * only then. All or nothing: one wrong file and there is no rule set, so that a typo can't quietly switch a detection off.
 * It also tells when files change, by chokidar, which is imported only where that is asked for.
 */
import { basename } from 'node:path';
import type { LoadedRules } from '../../src/rules/rule.ts';
import { type Checked, inTextOrder } from '../config/problem.ts';
import { joinRuleFiles } from './join-rule-files.ts';
import { preparedContents } from './prepared-rules.ts';
import { builtInRulesFolder, isRuleFileName, type RuleText, type RuleTexts, readBuiltInTexts, readExtraTexts } from './rule-folders.ts';
import type { ParsedRuleFile } from './rule-schema.ts';

export interface RuleLocations {
  /** The operator's folders and files, in addition to the built-in ones; default none. */
  readonly extraPaths?: readonly string[];
  /** Default: the package's `rules/`. */
  readonly builtInFolder?: string;
}

/** All rules. A problem for each thing wrong in any file, for each path that can't be read, for ids that clash over files. */
export async function loadRules(locations: RuleLocations = {}): Promise<Checked<LoadedRules>> {
  return parseRuleTexts(readRuleTexts(locations), locations);
}

/** The texts as they stand now; parseRuleTexts makes rules of them. Apart, so that a watcher can see whether anything changed. */
export function readRuleTexts({ extraPaths = [], builtInFolder = builtInRulesFolder() }: RuleLocations): RuleTexts {
  const [builtIn, extra] = [readBuiltInTexts(builtInFolder), readExtraTexts(extraPaths)];
  return { texts: [...builtIn.texts, ...extra.texts], problems: [...builtIn.problems, ...extra.problems] };
}

/** What readRuleTexts read → one rule set. */
export async function parseRuleTexts(
  read: RuleTexts,
  { builtInFolder = builtInRulesFolder() }: RuleLocations,
): Promise<Checked<LoadedRules>> {
  const prepared = preparedContents(builtInFolder, read.texts);
  const parsed = await parseFiles(read.texts.filter((text) => !prepared.has(text)));
  const contents = read.texts.flatMap((text) => prepared.get(text) ?? parsed.get(text)?.content ?? []);
  const problems = [...read.problems, ...[...parsed.values()].flatMap((file) => file.problems)];
  const joined = joinRuleFiles(contents, problems.length === 0);
  if (joined.ok && problems.length === 0) return joined;
  return { ok: false, problems: inTextOrder([...problems, ...(joined.ok ? [] : joined.problems)]) };
}

/** What hintOnRuleChange calls. */
export interface RuleHintListener {
  /** Something changed, or may have. */
  onHint(): void;
  /** The kernel refuses to tell (watch limit, network file system): changes are seen on request only. */
  onLost(message: string): void;
}

/**
 * Tells when a rule file is written, added or removed, once it has been left alone for WRITE_SETTLED_MS, and once at the beginning (what
 * changed before the watch stood would be missed else). Only a hint: chokidar can lose a watch, SIGHUP always works.
 */
export async function hintOnRuleChange(
  { extraPaths = [], builtInFolder = builtInRulesFolder() }: RuleLocations,
  { onHint, onLost }: RuleHintListener,
): Promise<{ close(): Promise<void> }> {
  const { watch } = await import('chokidar');
  const watcher = watch([builtInFolder, ...extraPaths], {
    ignoreInitial: true,
    depth: 0,
    awaitWriteFinish: { stabilityThreshold: WRITE_SETTLED_MS, pollInterval: WRITE_SETTLED_MS / 4 },
    ignored: (path, stats) => stats?.isFile() === true && !extraPaths.includes(path) && !isRuleFileName(basename(path)),
  });
  watcher.on('all', onHint);
  watcher.on('ready', onHint);
  watcher.on('error', (error) => onLost(error instanceof Error ? error.message : String(error)));
  return watcher;
}

// Chosen: an editor's write takes a few milliseconds; half a file would only be announced as rejected.
const WRITE_SETTLED_MS = 200;

async function parseFiles(texts: readonly RuleText[]): Promise<ReadonlyMap<RuleText, ParsedRuleFile>> {
  if (texts.length === 0) return new Map();
  const { createRuleFileParser } = await import('./rule-schema.ts');
  const parseRuleFile = createRuleFileParser();
  return new Map(texts.map((text) => [text, parseRuleFile(text.text, text.file)]));
}
