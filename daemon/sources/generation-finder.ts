/**
 * The files that came after a rotated one.
 *
 * In: the open generation and the path that is followed. Out: its siblings, oldest first, the live file last, each file once, for src/tail to choose from.
 * A rotation may run while the folder is read; a list is given out only if it looked the same twice.
 */
import { basename, dirname, join } from 'node:path';
import { type FileLook, isSameInode } from '../../src/tail/file-identity.ts';
import { compareGenerations, type GenerationName, parseGenerationName } from '../../src/tail/generations.ts';
import type { Sibling } from '../../src/tail/rotation.ts';
import type { SourceFileSystem } from './file-system.ts';

/** Tries to see the folder the same twice. Chosen: a rotation takes microseconds, more than two changes in a row need a loop of them. */
const MAX_LISTINGS = 4;

interface Named {
  readonly name: GenerationName;
  readonly path: string;
  readonly look: FileLook;
}

/**
 * Siblings of the file opened at `openPath` (without symbolic links), and the file at `livePath`. No file at `livePath`: only those under
 * rotated names. Undefined: the folder changed at every look, look again later.
 */
export function findSiblings(openPath: string, livePath: string, fileSystem: SourceFileSystem): readonly Sibling[] | undefined {
  let previous: string | undefined;
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const siblings = listSiblings(openPath, livePath, fileSystem);
    const fingerprint = siblings.map(({ path, look }) => `${path}:${look.dev}:${look.ino}:${look.birthtimeMs}`).join('\n');
    if (fingerprint === previous) return siblings;
    previous = fingerprint;
  }
  return undefined;
}

function listSiblings(openPath: string, livePath: string, fileSystem: SourceFileSystem): readonly Sibling[] {
  const folder = dirname(openPath);
  const { liveName } = parseGenerationName(basename(openPath));
  const named = namesIn(folder, fileSystem)
    .map((name) => ({ name: parseGenerationName(name), path: join(folder, name) }))
    .filter(({ name }) => name.liveName === liveName)
    .flatMap((entry): readonly Named[] => {
      const look = lookAtFile(entry.path, fileSystem);
      return look === undefined ? [] : [{ ...entry, look }];
    })
    .sort((a, b) => compareGenerations(a.name, b.name));
  const live = lookAtFile(livePath, fileSystem);
  const older = named
    .filter((entry) => !isTwin(entry, named))
    .map(({ path, look, name: { kind, isCompressed } }): Sibling => ({ path, look, kind, isLive: false, isCompressed, isPinned: false }));
  if (live === undefined) return older;
  return [
    ...older.filter(({ look }) => !isSameInode(look, live)),
    { path: livePath, look: live, kind: 'live', isLive: true, isCompressed: false, isPinned: false },
  ];
}

/** The compressed form of a generation that is still there plain, while the compression runs. */
function isTwin({ name }: Named, all: readonly Named[]): boolean {
  return name.isCompressed && all.some((other) => !other.name.isCompressed && other.name.suffix === name.suffix);
}

/** A folder that is gone or can't be listed has no names: then the followed path is all there is. */
function namesIn(folder: string, fileSystem: SourceFileSystem): readonly string[] {
  try {
    return fileSystem.list(folder);
  } catch {
    return [];
  }
}

function lookAtFile(path: string, fileSystem: SourceFileSystem): FileLook | undefined {
  try {
    const look = fileSystem.look(path);
    return look.kind === 'file' ? look : undefined;
  } catch {
    return undefined;
  }
}
