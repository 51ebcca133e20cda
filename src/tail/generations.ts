/**
 * Which files are one source, and in what order they were written (contract.md, "Which files are one source").
 *
 * In: paths, only their text counts. Out: sources, each with its generations oldest first. Every path given is in exactly one source or
 * named in a warning. The same functions find the neighbours of a followed file, so `analyze` and `run` agree on what a generation is.
 *
 * Order inside a source: dated generations (oldest date first), then numbered ones (highest number first), then the live file. A folder
 * that holds both kinds changed its scheme once; dated come first because Synapse's own handler (dates) is what most hosts began with.
 */

/** A file name taken apart. `homeserver.log.2026-03-10.gz` is `homeserver.log` + `.2026-03-10`, dated `20260310`, compressed. */
export interface GenerationName {
  /** Name of the file that is written to: `homeserver.log`. Never empty. */
  readonly liveName: string;
  /** What the rotation put behind it, without `.gz`: `.1`, `.2026-03-10`, `-20260310`; '' for the live file. */
  readonly suffix: string;
  readonly kind: 'dated' | 'numbered' | 'live';
  /** Digits of the date (`20260310164848`) or of the number (`1`); '' for the live file. */
  readonly digits: string;
  /** Ends in `.gz`. Says nothing of the content: readers look at its first bytes. */
  readonly isCompressed: boolean;
}

/** The generations of one log file. */
export interface LogSource {
  /** Live name, `homeserver.log`; with as much of its folder in front as tells it from another source of that name (`hs2/homeserver.log`). */
  readonly path: string;
  /** Paths as they were given, oldest first; at least one. */
  readonly generations: readonly string[];
}

/** What became of a list of paths. */
export interface GroupedPaths {
  /** In the order in which the first file of each was given. */
  readonly sources: readonly LogSource[];
  /** One sentence for each path left out: `Left out "a.log.1.gz": "a.log.1" is the same generation`. */
  readonly warnings: readonly string[];
}

/**
 * Python's TimedRotatingFileHandler: `.2026-03-10`, `.2026-03-10_16`, `.2026-03-10_16-48`, `.2026-03-10_16-48-48` (Lib/logging/handlers.py, `suffix`).
 * logrotate's dateext: `-20260310`, hourly `-2026031016`, often also `.20260310` or with epoch seconds, `-20260310-1773158400` (logrotate(8), dateformat).
 */
const DATED_SUFFIX =
  /[.-](?:\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:_\d\d(?:-\d\d){0,2})?|\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d\d)?(?:-\d{6,10})?)$/;

/** logrotate and RotatingFileHandler: `.1`. Four digits at most (chosen: nobody keeps more), so that `.20260310` is never a number. */
const NUMBERED_SUFFIX = /[.]\d{1,4}$/;

/** Takes a file name (no folder) apart. Any text is fine; one without a suffix is a live file; a name that is only a suffix (`.1`) is live too. */
export function parseGenerationName(name: string): GenerationName {
  const isCompressed = name.endsWith('.gz') && name.length > '.gz'.length;
  const plain = isCompressed ? name.slice(0, -'.gz'.length) : name;
  for (const [kind, pattern] of [['dated', DATED_SUFFIX] as const, ['numbered', NUMBERED_SUFFIX] as const]) {
    const suffix = pattern.exec(plain)?.[0] ?? '';
    if (suffix === '' || suffix.length === plain.length) continue;
    return { liveName: plain.slice(0, -suffix.length), suffix, kind, digits: suffix.replace(/[^\d]/g, ''), isCompressed };
  }
  return { liveName: plain, suffix: '', kind: 'live', digits: '', isCompressed };
}

const KIND_ORDER = { dated: 0, numbered: 1, live: 2 } as const;

/** Sorts oldest first (see the top of this file); 0 only for names of equal age. Dates that begin alike: the shorter, coarser one first. */
export function compareGenerations(a: GenerationName, b: GenerationName): number {
  if (a.kind !== b.kind) return KIND_ORDER[a.kind] - KIND_ORDER[b.kind];
  if (a.kind === 'numbered') return Number(b.digits) - Number(a.digits);
  return a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0;
}

interface Member {
  readonly path: string;
  readonly name: GenerationName;
}

/**
 * Sorts paths into sources. Paths are compared as text (`./a.log` and `a.log` are two folders): resolve them before. No path gives no source.
 * A generation that is there both plain and as `.gz` counts once, the plain one: a compression under way leaves both, and only that is whole.
 */
export function groupIntoSources(paths: readonly string[]): GroupedPaths {
  const members = new Map<string, Member[]>();
  for (const path of new Set(paths)) {
    const name = parseGenerationName(fileNameOf(path));
    const livePath = folderOf(path) + name.liveName;
    members.set(livePath, [...(members.get(livePath) ?? []), { path, name }]);
  }
  const warnings: string[] = [];
  const labels = shortestDistinctTails([...members.keys()]);
  const sources = [...members].map(([livePath, files]) => ({
    path: labels.get(livePath) ?? livePath,
    generations: withoutTwins(files, warnings)
      .sort((a, b) => compareGenerations(a.name, b.name) || (a.path < b.path ? -1 : 1))
      .map((file) => file.path),
  }));
  return { sources, warnings };
}

function withoutTwins(files: readonly Member[], warnings: string[]): Member[] {
  return files.filter((file) => {
    const twin = files.find((other) => other.name.suffix === file.name.suffix && !other.name.isCompressed);
    const isLeftOut = file.name.isCompressed && twin !== undefined;
    if (isLeftOut) warnings.push(`Left out "${file.path}": "${twin.path}" is the same generation`);
    return !isLeftOut;
  });
}

/** Each path's shortest tail of whole parts that no other path ends in: `/a/x.log`, `/b/x.log`, `/b/y.log` → `a/x.log`, `b/x.log`, `y.log`. */
function shortestDistinctTails(paths: readonly string[]): ReadonlyMap<string, string> {
  const tail = (path: string, partCount: number): string => path.split('/').slice(-partCount).join('/');
  return new Map(
    paths.map((path) => {
      const rivals = paths.filter((other) => other !== path && fileNameOf(other) === fileNameOf(path));
      let partCount = 1;
      while (partCount < path.split('/').length && rivals.some((other) => tail(other, partCount) === tail(path, partCount))) partCount++;
      return [path, tail(path, partCount)];
    }),
  );
}

/** `/var/log/a.log` → `a.log`. */
function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `/var/log/a.log` → `/var/log/`; `a.log` → ''. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
