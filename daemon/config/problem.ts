/**
 * What is wrong with a file the operator wrote (configuration, rules): where it stands and one sentence about it. A check hands back
 * either the typed value or all problems at once, never both and never an exception.
 *
 * Sentences follow house-style.md 7: the action, the thing in quotes, a colon, what is, what should be; no full stop.
 */

/** One thing wrong. Line and column count from 1, columns in UTF-16 units; both are 0 when no place in the text can be named. */
export interface Problem {
  /** As the operator knows it: '/etc/lotus-e2ee-watch/config.yml', 'rules/ke-1.yml'. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** 'limits.devices', 'rules[0].level'; '' for the file as a whole. */
  readonly path: string;
  /** 'Cannot use "limits.devices": is 5, expected a whole number from 100 to 1000000'. */
  readonly message: string;
}

/** The value, or why there is none (at least one problem, in the order of the text). */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** 'config.yml:3:5: Cannot use "souces": unknown key …'; without a place only 'config.yml: Cannot read …'. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return `${place}: ${problem.message}`;
}

/** A problem with a file as a whole (missing, not readable, too large). */
export function fileProblem(file: string, message: string): Problem {
  return { file, line: 0, column: 0, path: '', message };
}

/** Why a file can't be had, for such a sentence, by what `fs` threw: 'it does not exist', 'it is not readable (EACCES)'. */
export function unreadableBecause(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return code === 'ENOENT' ? 'it does not exist' : `it is not readable (${code})`;
}

/** By place in the text, files kept in the order they come in; problems at one place keep their order. */
export function inTextOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  const rank = (problem: Problem): number => files.indexOf(problem.file);
  return problems.toSorted((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}
