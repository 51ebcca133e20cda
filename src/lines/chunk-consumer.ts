/**
 * The seam between whoever reads bytes (daemon/sources) and whoever understands them (src/pipeline.ts). One consumer a source.
 *
 * The reader owns one buffer. It puts new bytes behind those that the consumer hasn't finished with, and calls `read`. The consumer
 * never keeps a reference to the buffer, so the reader may move bytes about between calls.
 */
export interface ChunkConsumer {
  /** The next `read` starts at this byte of a generation, not at byte 0: reading begins in mid-file, or goes on after a restart. Nothing is held. */
  begin(positionBytes: number): void;

  /**
   * Takes whole records from `bytes[0, length)` and returns how many bytes it's done with (0 … length). The rest, at most
   * MAX_HELD_BYTES, is a record that may go on; the reader presents it again, at offset 0, with the next bytes behind it.
   */
  read(bytes: Uint8Array, length: number): number;

  /**
   * Nothing new has come for RECORD_IDLE_MS: a record whose last line is ended is taken as whole. Returns the bytes done with;
   * a line without its newline stays held (Synapse may be in the middle of writing it).
   */
  settle(bytes: Uint8Array, length: number): number;

  /**
   * This generation of the file has no more bytes: everything is taken, a last line without newline too. The next `read` starts
   * at byte 0 of the next generation.
   */
  finish(bytes: Uint8Array, length: number): void;
}

/** Longest physical line that is kept, in bytes; what is beyond is skipped up to the newline and the line counted as cut (design.md 3). */
export const MAX_LINE_BYTES = 256 * 1024;

/** Longest record (first line and its continuation lines) that is kept, in bytes; later lines of it are counted but not looked at. */
export const MAX_RECORD_BYTES = 256 * 1024;

/** A reader's buffer must be larger than this: one held record with its last newline, and one line that isn't ended. */
export const MAX_HELD_BYTES = MAX_RECORD_BYTES + 1 + MAX_LINE_BYTES;

/** A record is taken as whole after this long without new bytes, in milliseconds (reference: a record is one write, seen in pieces at worst). */
export const RECORD_IDLE_MS = 250;
