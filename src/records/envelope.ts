/** What an envelope is. Forms: docker-entry.ts, cri-entry.ts, journal-entry.ts. */

/**
 * What stands in the entry `bytes[start, newline]`, with its newline where it has one (without, the next entry goes on with the line); null where the line
 * isn't such an entry. The bytes are the caller's until the next call.
 */
export type Unwrap = (bytes: Uint8Array, start: number, newline: number) => Uint8Array | null;
