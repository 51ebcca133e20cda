/**
 * The machine's file system, with faults where a test wants them. In: which call fails for which path, and with what code. Out: Node's kind of error.
 * Root is refused nothing by a real file system, so permission tests need this.
 */
import { realFileSystem, type SourceFileSystem } from '../../daemon/sources/file-system.ts';
import type { FileLook } from '../../src/tail/file-identity.ts';
import { ReusedInodes } from './reused-inodes.ts';

type Call = 'open' | 'look' | 'lookAtOpen' | 'read' | 'checkReadable' | 'list' | 'resolve';

export class FaultyFileSystem implements SourceFileSystem {
  readonly #faults = new Map<Call, { readonly code: string; readonly applies: (path: string) => boolean }>();
  readonly #paths = new Map<number, string>();
  #inodes: ReusedInodes | undefined;
  /** Descriptors that are open. */
  get openCount(): number {
    return this.#paths.size;
  }
  /** Called before each call: the world may change in the middle of an operation. */
  onCall: (call: Call, path: string) => void = () => {};

  /** `call` fails with `code` for the paths that `applies` names (for descriptors: those they were opened by), until it's healed. */
  fail(call: Call, code: string, applies: (path: string) => boolean = () => true): void {
    this.#faults.set(call, { code, applies });
  }

  /** As a file without read permission: it can be looked at, not opened. */
  forbid(path: string): void {
    this.fail('open', 'EACCES', (other) => other === path);
    this.fail('checkReadable', 'EACCES', (other) => other === path);
  }

  /** From now on files of `folder` have numbers that come again as soon as they may. */
  reuseInodes(folder: string): ReusedInodes {
    this.#inodes = new ReusedInodes(folder, () => this.#paths.keys());
    return this.#inodes;
  }

  heal(): void {
    this.#faults.clear();
  }

  open(path: string): number {
    this.#enter('open', path);
    const fd = realFileSystem.open(path);
    this.#paths.set(fd, path);
    return fd;
  }

  close(fd: number): void {
    if (!this.#paths.delete(fd)) throw new Error(`Descriptor ${fd} is closed twice`);
    realFileSystem.close(fd);
  }

  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number | null): number {
    this.#enter('read', this.#paths.get(fd) ?? '');
    return realFileSystem.read(fd, buffer, offset, length, position);
  }

  look(path: string): ReturnType<SourceFileSystem['look']> {
    this.#enter('look', path);
    return this.#renumber(realFileSystem.look(path));
  }

  lookAtOpen(fd: number): ReturnType<SourceFileSystem['lookAtOpen']> {
    this.#enter('lookAtOpen', this.#paths.get(fd) ?? '');
    return this.#renumber(realFileSystem.lookAtOpen(fd));
  }

  #renumber<L extends FileLook>(look: L): L {
    return this.#inodes === undefined ? look : { ...look, ino: this.#inodes.numberOf(look) };
  }

  checkReadable(path: string): void {
    this.#enter('checkReadable', path);
    realFileSystem.checkReadable(path);
  }

  /** In reverse order of the alphabet: real folders have any order, tests must not depend on it. */
  list(folder: string): string[] {
    this.#enter('list', folder);
    return realFileSystem.list(folder).sort().reverse();
  }

  resolve(path: string): string {
    this.#enter('resolve', path);
    return realFileSystem.resolve(path);
  }

  #enter(call: Call, path: string): void {
    this.onCall(call, path);
    const fault = this.#faults.get(call);
    if (fault?.applies(path)) throw Object.assign(new Error(`${fault.code}: injected, ${call} '${path}'`), { code: fault.code });
  }
}
