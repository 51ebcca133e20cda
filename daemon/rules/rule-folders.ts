/**
 * Where rule files stand, and their texts. In come the built-in folder and the operator's extra paths; out come texts by file, in
 * reading order (built-in first, then as configured; within a folder by name), and a problem for each path that can't be read.
 *
 * Reads synchronously: a few small files at start and at a reload, where the thread pool would cost more than it saves.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileProblem, type Problem, unreadableBecause } from '../config/problem.ts';

export interface RuleText {
  /** 'rules/ke-1.yml' for a built-in file, else the path. */
  readonly file: string;
  readonly text: string;
}

export interface RuleTexts {
  readonly texts: readonly RuleText[];
  readonly problems: readonly Problem[];
}

/** Larger files are problems, not read. Chosen: twenty times our largest. */
export const MAX_RULE_FILE_BYTES = 1024 * 1024;

/** Files of one folder. Chosen: twenty times ours. */
export const MAX_RULE_FILES = 200;

/** The package's `rules/`: beside package.json, wherever this module runs from (daemon/ in development, dist/daemon/ when released). */
export function builtInRulesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'rules');
}

/** 'ke-1.yml', 'mine.yaml' → true; hidden files, backups and everything else false. */
export function isRuleFileName(name: string): boolean {
  return /^[^.].*\.ya?ml$/.test(name);
}

/** Texts of the built-in folder's files; they are named 'rules/<name>' in problems, wherever the folder is. */
export function readBuiltInTexts(folder: string): RuleTexts {
  const read = readFolder(folder, (name) => `rules/${name}`);
  if (read.texts.length > 0 || read.problems.length > 0) return read;
  // An empty set would watch nothing and say that all is well.
  return { texts: [], problems: [fileProblem(folder, 'Cannot read rules: folder has no rule files, expected the built-in ones')] };
}

/** Texts of the operator's folders and files. A folder without rule files is fine; a path that isn't there is a problem. */
export function readExtraTexts(paths: readonly string[]): RuleTexts {
  return together(paths.map((path) => readPath(path)));
}

function readPath(path: string): RuleTexts {
  try {
    return statSync(path).isDirectory() ? readFolder(path, (name) => join(path, name)) : readRuleFile(path, path);
  } catch (error) {
    return unreadable(path, error);
  }
}

function readFolder(folder: string, nameOf: (name: string) => string): RuleTexts {
  try {
    const names = readdirSync(folder).filter(isRuleFileName).sort();
    if (names.length <= MAX_RULE_FILES) return together(names.map((name) => readRuleFile(join(folder, name), nameOf(name))));
    return {
      texts: [],
      problems: [fileProblem(folder, `Cannot read rules: folder has ${names.length} rule files, expected at most ${MAX_RULE_FILES}`)],
    };
  } catch (error) {
    return unreadable(folder, error);
  }
}

function readRuleFile(path: string, file: string): RuleTexts {
  try {
    const stats = statSync(path);
    // A pipe or a device would be read for ever.
    if (!stats.isFile())
      return { texts: [], problems: [fileProblem(file, 'Cannot read rules: is not a regular file, expected a YAML file')] };
    if (stats.size > MAX_RULE_FILE_BYTES) {
      return {
        texts: [],
        problems: [fileProblem(file, `Cannot read rules: file has ${stats.size} bytes, expected at most ${MAX_RULE_FILE_BYTES}`)],
      };
    }
    return { texts: [{ file, text: readFileSync(path, 'utf8') }], problems: [] };
  } catch (error) {
    return unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): RuleTexts {
  if (!(error instanceof Error && 'code' in error)) throw error;
  const message = `Cannot read rules: ${unreadableBecause(error)}, expected a folder or a YAML file`;
  return { texts: [], problems: [fileProblem(file, message)] };
}

function together(parts: readonly RuleTexts[]): RuleTexts {
  return { texts: parts.flatMap((part) => part.texts), problems: parts.flatMap((part) => part.problems) };
}
