/**
 * What stands at a followed path right now, and whether it may be read.
 *
 * In: a path. Out: a PathLook; nothing is thrown. Permission is asked for when owner or mode are not those that were found good: an open descriptor goes on
 * reading after a chmod, and would hide until the next rotation that nothing more can be opened.
 */
import type { PathLook } from '../../src/tail/rotation.ts';
import type { SourceFileSystem } from './file-system.ts';
import { codeOf, describeReadFailure, describeWrongKind } from './read-problem.ts';

/** Looks at one path, again and again. */
export class PathLooker {
  readonly #path: string;
  readonly #fileSystem: SourceFileSystem;
  #readableAccess: string | undefined;

  constructor(path: string, fileSystem: SourceFileSystem) {
    this.#path = path;
    this.#fileSystem = fileSystem;
  }

  look(): PathLook {
    try {
      const look = this.#fileSystem.look(this.#path);
      if (look.kind !== 'file') return { kind: 'blocked', text: describeWrongKind(this.#path, look.kind) };
      if (look.access !== this.#readableAccess) this.#checkAccess(look.access);
      return { kind: 'file', look };
    } catch (error) {
      const isGone = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
      return isGone ? { kind: 'missing' } : { kind: 'blocked', text: describeReadFailure(this.#path, error) };
    }
  }

  #checkAccess(access: string): void {
    this.#readableAccess = undefined;
    this.#fileSystem.checkReadable(this.#path);
    this.#readableAccess = access;
  }
}
