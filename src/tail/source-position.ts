/**
 * How far a followed log is read, in a form that a later start of the program finds its way back with.
 *
 * In: what is known of the open generation. Out: JSON, and the same from JSON. Names, inodes and devices may all be others at the next start (rotation, a copy
 * put back, a file system mounted again); what stands in the file says which one it is: how it begins, and the bytes before the position.
 */
import type { FileIdentity, FilePrefix } from './file-identity.ts';

export interface GenerationPosition {
  /** Where it was opened, without symbolic links: its neighbours are there. */
  readonly path: string;
  /** Of a packed generation: place of the packed file, beginning of what is in it. */
  readonly identity: FileIdentity;
  /** When it was last written to, as far as it was seen. */
  readonly modifiedMs: number;
  /** So many bytes were read; `marker` is the hash of the last of them. */
  readonly readBytes: number;
  readonly marker: FilePrefix;
  /** So many bytes are taken: reading goes on here. At most `readBytes`; in between lies a record that may not have ended. */
  readonly doneBytes: number;
  /** Largest size seen. */
  readonly sizeBytes: number;
  /** Read out of a `.gz`; all counts are of the unpacked bytes. */
  readonly isPacked: boolean;
}

/** null: there was no file yet; one that comes is read from its beginning. */
export interface SourcePosition {
  readonly generation: GenerationPosition | null;
}

/** Changes with the meaning of a field. */
const FORM = 1;

export function formatPosition({ generation }: SourcePosition): string {
  return JSON.stringify({ form: FORM, generation });
}

/** Undefined: it's none of ours, or of another form. */
export function parsePosition(text: string): SourcePosition | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { form, generation } = asFields(value);
  if (form !== FORM) return undefined;
  if (generation === null) return { generation: null };
  return isGeneration(generation) ? { generation } : undefined;
}

function isGeneration(value: unknown): value is GenerationPosition {
  const { path, identity, modifiedMs, readBytes, marker, doneBytes, sizeBytes, isPacked } = asFields(value);
  const { dev, ino, birthtimeMs, prefix } = asFields(identity);
  return (
    typeof path === 'string' &&
    typeof isPacked === 'boolean' &&
    [modifiedMs, readBytes, doneBytes, sizeBytes, dev, ino, birthtimeMs].every(isCount) &&
    [prefix, marker].every(isHashed) &&
    Number(doneBytes) <= Number(readBytes)
  );
}

function isHashed(value: unknown): boolean {
  const { lengthBytes, hash } = asFields(value);
  return isCount(lengthBytes) && typeof hash === 'string';
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
