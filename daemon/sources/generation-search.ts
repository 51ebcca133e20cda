/**
 * The generation that has to be found before anything is read: where an earlier run stood, or what was saved of an emptied file.
 *
 * In: what is known of it, and the path at each look. Out: where it is, or that it's lost. Searched in other turns of the event loop, answered in this one. A file that may
 * be it and can't be read, or no file at the path, settles nothing: it's searched again then.
 */
import type { PathLook } from '../../src/tail/rotation.ts';
import type { GenerationPosition } from '../../src/tail/source-position.ts';
import type { SourceFileSystem } from './file-system.ts';
import type { LongTask } from './long-task.ts';
import { describeFailureOf, SourceFailure } from './read-problem.ts';
import { type Found, findGeneration } from './resume-search.ts';

/** A decision where it isn't known yet. */
type Sought = Exclude<Found, { kind: 'unsettled' }> | 'busy' | 'blocked' | 'missing' | 'linger';

export class GenerationSearch {
  readonly #path: string;
  readonly #fileSystem: SourceFileSystem;
  readonly #task: LongTask;
  #found: Found | undefined;
  /** It was not there when there was no file at the path either. */
  #isMissed = false;
  #isClosed = false;
  /** What is known of it; undefined: nothing is sought. */
  sought: GenerationPosition | undefined;
  /** Why a file that may be it can't be read. */
  problem: string | undefined;

  constructor(path: string, fileSystem: SourceFileSystem, task: LongTask, sought: GenerationPosition | undefined) {
    this.#path = path;
    this.#fileSystem = fileSystem;
    this.#task = task;
    this.sought = sought;
  }

  /** Where `sought` is. A generation that was found is the caller's to close. */
  seek(sought: GenerationPosition, path: PathLook): Sought {
    if (this.#task.isRunning) return this.problem === undefined ? 'busy' : 'blocked';
    if (path.kind === 'blocked' || (path.kind === 'missing' && this.#isMissed)) return path.kind;
    this.#isMissed = false;
    const found = this.#found;
    this.#found = undefined;
    if (found === undefined) return this.#search(sought);
    if (found.kind === 'unsettled') return 'linger';
    if (found.kind === 'found') return found;
    // While there is no file, its file system may not be mounted: nothing is given up.
    this.#isMissed = path.kind === 'missing';
    return path.kind === 'missing' ? 'missing' : found;
  }

  /** What was found and not taken is let go, also when it's found later. */
  close(): void {
    this.#isClosed = true;
    if (this.#found?.kind === 'found') this.#found.generation.close();
    this.#found = undefined;
  }

  #search(sought: GenerationPosition): 'busy' {
    this.#task.run(async () => {
      try {
        this.#found = await findGeneration(sought, this.#path, this.#fileSystem);
        this.problem = undefined;
        if (this.#isClosed) this.close();
      } catch (error) {
        if (!(error instanceof SourceFailure)) throw error;
        // Tried again at the next look.
        this.problem = describeFailureOf(this.#path, error);
      }
    });
    return 'busy';
  }
}
