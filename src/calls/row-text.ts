/** Rows of this stage as text: JSON, with NaN ("no time known") kept apart from null. */
const NOT_A_NUMBER = '\0NaN';

export function toRow(value: unknown): string {
  return JSON.stringify(value, (_, entry: unknown) => (typeof entry === 'number' && Number.isNaN(entry) ? NOT_A_NUMBER : entry));
}

/** undefined for a text that is no row. */
export function fromRow(text: string): unknown {
  try {
    return JSON.parse(text, (_, entry: unknown) => (entry === NOT_A_NUMBER ? Number.NaN : entry));
  } catch {
    return undefined;
  }
}
