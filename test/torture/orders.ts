/** What the torture run and its writer say to each other over IPC. */

/** How a rotation is done. `late`: the writer goes on in the renamed file for a moment, and there is no file. */
export type RotationKind = 'rename' | 'late' | 'delete' | 'copytruncate';

export interface WriterSetup {
  readonly path: string;
  readonly seed: number;
  readonly linesPerSecond: number;
  /** Devices whose uploads are refused, again and again. */
  readonly deviceCount: number;
  /** Rotated names: `.1`, `.2`, … or `.2026-01-01`, … */
  readonly naming: 'numbered' | 'dated';
}

export type Order =
  | { readonly do: 'rotate'; readonly kind: RotationKind }
  /** An older generation becomes a `.gz`. */
  | { readonly do: 'pack'; readonly age: number }
  /** The log's own clock is set. */
  | { readonly do: 'step clock'; readonly ms: number }
  | { readonly do: 'permit'; readonly isPermitted: boolean }
  /** Writes nothing more, and tells the truth. */
  | { readonly do: 'end' };

export interface Done {
  readonly done: Order['do'];
}

export interface WriterTruth {
  readonly lines: number;
  readonly bytes: number;
  /** Refused uploads by `@user:hs DEVICE`, counted where they are made up, not where they are read. */
  readonly conflicts: Readonly<Record<string, number>>;
  /** What one watcher that was never disturbed shows for the same bytes. */
  readonly exposition: string;
}
