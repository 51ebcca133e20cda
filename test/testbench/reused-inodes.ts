/**
 * Inode numbers as ext4 gives them: the number of a deleted file that nobody holds open is the next new file's. In: real numbers, which on other file systems (tmpfs,
 * overlayfs, btrfs) always grow. Out: small ones that come again as soon as they may. So inode reuse is a case on every machine, and not a matter of luck.
 */
import fs from 'node:fs';
import { join } from 'node:path';

type File = Readonly<Record<'ino' | 'birthtimeMs', number>>;

export class ReusedInodes {
  readonly #folder: string;
  readonly #held: () => Iterable<number>;
  /** Given number by file, of files that exist or are held. */
  readonly #given = new Map<string, number>();
  readonly #everGiven = new Set<number>();
  /** Numbers that were given again. */
  reuseCount = 0;

  /** Files of `folder`, and those behind the descriptors that `held` tells. */
  constructor(folder: string, held: () => Iterable<number>) {
    this.#folder = folder;
    this.#held = held;
  }

  numberOf(file: File): number {
    return this.#given.get(keyOf(file)) ?? this.#give(keyOf(file));
  }

  #give(key: string): number {
    const alive = this.#alive();
    for (const other of this.#given.keys()) if (!alive.has(other)) this.#given.delete(other);
    const taken = new Set(this.#given.values());
    let number = 1;
    while (taken.has(number)) number++;
    if (this.#everGiven.has(number)) this.reuseCount++;
    this.#everGiven.add(number);
    this.#given.set(key, number);
    return number;
  }

  #alive(): ReadonlySet<string> {
    const named = fs.readdirSync(this.#folder).map((name) => fs.statSync(join(this.#folder, name)));
    return new Set([...named, ...[...this.#held()].map((fd) => fs.fstatSync(fd))].map(keyOf));
  }
}

/** The number alone may be another file's already, where the file system itself gives numbers again. */
function keyOf({ ino, birthtimeMs }: File): string {
  return `${ino} ${birthtimeMs}`;
}
