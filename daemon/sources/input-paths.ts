/**
 * From the FILE arguments of a command to files that can be read.
 *
 * In: arguments as typed: paths, patterns (`logs/homeserver.log*`, quoted so that the shell left them alone), `-` for standard input. Out: paths, each file
 * once, in the order given; and one sentence for each argument that gives none. Nothing is thrown: all problems are told at once and the rest goes on.
 */
import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type NodeKind, realFileSystem, type SourceFileSystem } from './file-system.ts';
import { describeReadFailure, describeWrongKind } from './read-problem.ts';
import { STANDARD_INPUT } from './whole-file-reader.ts';

/** What the arguments come to. */
export interface InputPaths {
  /** For readWholeFile and groupIntoSources: `-`, or absolute with the folder's symbolic links resolved, so that one folder has one name. */
  readonly paths: readonly string[];
  /** `Cannot read "x.log": it is a directory, expected a file`; the argument, or the file its pattern found, as typed. */
  readonly problems: readonly string[];
}

/** Finds the files that match a pattern, as paths; in any order. Replaced in tests. */
export type FindByPattern = (pattern: string) => string[];

/** Characters that make an argument a pattern, unless a file of exactly that name exists. */
const PATTERN_CHARACTER = /[*?[\]{}]/;

/** Resolves FILE arguments; none give no paths and no problem. A file named twice, also by links, counts once, under its own name if that was given. */
export function findInputPaths(
  args: readonly string[],
  fileSystem: SourceFileSystem = realFileSystem,
  findByPattern: FindByPattern = (pattern) => fs.globSync(pattern),
): InputPaths {
  const found = new Map<string, FoundFile>();
  const problems: string[] = [];
  for (const candidate of args.flatMap((arg) => expand(arg, fileSystem, findByPattern))) {
    const file = examine(candidate, fileSystem);
    if ('problem' in file) problems.push(file.problem);
    // Setting a key again keeps its place in the order.
    else if (found.get(file.key)?.isOwnName !== true) found.set(file.key, file);
  }
  return { paths: [...found.values()].map((file) => file.path), problems };
}

interface Candidate {
  readonly path: string;
  /** Set: the argument is a pattern that finds no file. */
  readonly problem?: string;
}

function expand(arg: string, fileSystem: SourceFileSystem, findByPattern: FindByPattern): readonly Candidate[] {
  if (arg === STANDARD_INPUT || !PATTERN_CHARACTER.test(arg) || kindAt(arg, fileSystem) !== undefined) return [{ path: arg }];
  // Nobody means a directory by `logs/*`.
  const matches = findByPattern(arg).filter((path) => kindAt(path, fileSystem) !== 'directory');
  if (matches.length === 0) return [{ path: arg, problem: `Cannot read "${arg}": no file matches this pattern, expected at least one` }];
  return matches.sort().map((path) => ({ path }));
}

function kindAt(path: string, fileSystem: SourceFileSystem): NodeKind | undefined {
  try {
    return fileSystem.look(path).kind;
  } catch {
    return undefined;
  }
}

interface FoundFile {
  /** The same for all names of one file. */
  readonly key: string;
  readonly path: string;
  /** No symbolic link. */
  readonly isOwnName: boolean;
}

function examine({ path, problem }: Candidate, fileSystem: SourceFileSystem): FoundFile | { readonly problem: string } {
  if (problem !== undefined) return { problem };
  if (path === STANDARD_INPUT) return { key: path, path, isOwnName: true };
  try {
    const { kind, dev, ino } = fileSystem.look(path);
    if (kind !== 'file') return { problem: describeWrongKind(path, kind) };
    fileSystem.checkReadable(path);
    const resolved = join(fileSystem.resolve(dirname(path)), basename(path));
    return { key: `${dev}:${ino}`, path: resolved, isOwnName: fileSystem.resolve(path) === resolved };
  } catch (error) {
    return { problem: describeReadFailure(path, error) };
  }
}
