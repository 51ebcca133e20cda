/**
 * Sentences for files that can't be read, in the grammar of the house: `Cannot read "x.log": it is a directory, expected a file`.
 *
 * In: the path as the operator knows it, and what went wrong. Out: one sentence without a full stop. Used by `analyze` and `run` alike, so that
 * a fault reads the same wherever it shows.
 */
import type { NodeKind } from './file-system.ts';

/** Not a file: a pipe, a directory. */
export function describeWrongKind(path: string, kind: NodeKind): string {
  return `Cannot read "${path}": it is a ${kind}, expected a file`;
}

/** There is nothing at the path. */
export function describeMissing(path: string): string {
  return `Cannot read "${path}": it does not exist, expected a file`;
}

/** A call failed: `error` is Node's, with a `code`; anything else is told by its own text. */
export function describeReadFailure(path: string, error: unknown): string {
  return `Cannot read "${path}": ${reasonOf(error)}`;
}

/** No log: `what` says what was found and where, `binary data at byte 0`. */
export function describeForeignContent(path: string, what: string): string {
  return `Cannot read "${path}": ${what}, expected a text or JSON log`;
}

/** As describeReadFailure, for a file of which a part has been read. */
export function describeUnfinishedRead(path: string, reason: string): string {
  return `Cannot read "${path}" to its end: ${reason}`;
}

/** Why a call failed, for the part behind the colon: `it does not exist, expected a file`. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'it does not exist, expected a file';
  if (code === 'ENOTDIR') return 'a part of its path is not a directory, expected one';
  if (code === 'EACCES' || code === 'EPERM')
    return 'permission denied, expected read permission on it and search permission on its folders';
  return error instanceof Error ? error.message : String(error);
}

/** Node's error code (`ENOENT`); '' for anything that has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** A call into the file system failed; `cause` is Node's error. Tells such a failure from a mistake in this program that passes the same way. */
export class SourceFailure extends Error {
  constructor(cause: unknown) {
    super(reasonOf(cause), { cause });
  }
}

/** As describeReadFailure, where it may be another generation than the one at `path` that can't be read. */
export function describeFailureOf(path: string, { cause }: SourceFailure): string {
  return describeReadFailure(cause instanceof Error && 'path' in cause ? String(cause.path) : path, cause);
}

/** Runs a call into the file system; throws SourceFailure when it fails. */
export function orSourceFailure<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new SourceFailure(cause);
  }
}
