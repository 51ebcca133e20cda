/** What an envelope is: how its form is told, and what comes out of it. Forms: docker-entry.ts, cri-entry.ts. */

/**
 * Writes what stands in the entry `bytes[start, newline]` to `target[at…]`. Returns the offset behind it, or NO_ENVELOPE where the line isn't such an
 * entry. What comes out, with its newline where it has one, is never longer than the entry.
 */
export type Unwrap = (bytes: Uint8Array, start: number, newline: number, target: Uint8Array, at: number) => number;

export const NO_ENVELOPE = -1;
