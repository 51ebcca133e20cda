/**
 * What is remembered of the bytes read of one generation: how it begins and what stands before the position, enough to know it again.
 *
 * In: bytes, in order, from the generation's first byte on. Out: the prefix and the marker (src/tail/file-identity.ts).
 */
import { hash } from 'node:crypto';
import { type FilePrefix, MARKER_BYTES, MAX_PREFIX_BYTES } from '../../src/tail/file-identity.ts';

/** Hash of a few bytes, as it's stored. */
export function hashBytes(bytes: Uint8Array): FilePrefix {
  return { lengthBytes: bytes.length, hash: bytes.length === 0 ? '' : hash('sha256', bytes) };
}

/** The last MARKER_BYTES of what `before` and `bytes` are together. */
export function extendMarker(before: Uint8Array, bytes: Uint8Array): Uint8Array {
  const kept = bytes.length >= MARKER_BYTES ? before.subarray(0, 0) : before.subarray(-(MARKER_BYTES - bytes.length));
  const marker = new Uint8Array(Math.min(MARKER_BYTES, kept.length + bytes.length));
  marker.set(kept);
  marker.set(bytes.subarray(-MARKER_BYTES), kept.length);
  return marker;
}

/** For bytes that can't be read again (unpacked ones); a file's prefix is read from the file. */
export class ReadTrace {
  #head = new Uint8Array(0);
  #marker: Uint8Array = new Uint8Array(0);
  #positionBytes = 0;

  get positionBytes(): number {
    return this.#positionBytes;
  }

  get prefix(): FilePrefix {
    return hashBytes(this.#head);
  }

  get marker(): FilePrefix {
    return hashBytes(this.#marker);
  }

  /** Hash of the first `lengthBytes`; undefined while fewer are read. At most MAX_PREFIX_BYTES. */
  hashOfFirst(lengthBytes: number): string | undefined {
    return this.#head.length < lengthBytes ? undefined : hashBytes(this.#head.subarray(0, lengthBytes)).hash;
  }

  add(bytes: Uint8Array): void {
    this.#positionBytes += bytes.length;
    this.#marker = extendMarker(this.#marker, bytes);
    const missing = MAX_PREFIX_BYTES - this.#head.length;
    if (missing > 0) this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)]);
  }
}
