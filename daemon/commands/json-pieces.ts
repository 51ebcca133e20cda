/**
 * A large object as JSON, piece by piece: of 100,000 devices the whole text would take 80 MiB, and as much again on its way out. In: an object whose large
 * fields are lists. Out: texts that together are what JSON.stringify gives.
 */

/** In UTF-16 units. Chosen: as much as a pipe holds. */
const PIECE_LENGTH = 64 * 1024;

/** Fields and list entries that JSON has no form for (undefined, functions) aren't expected: a list would hold `null` for them. */
export function* jsonPieces(value: Readonly<Record<string, unknown>>): Iterable<string> {
  let piece = '{';
  for (const key in value) {
    const field = value[key];
    if (field === undefined) continue;
    piece += `${piece === '{' ? '' : ','}${JSON.stringify(key)}:`;
    if (!Array.isArray(field)) {
      piece += JSON.stringify(field);
      continue;
    }
    piece += '[';
    for (let i = 0; i < field.length; i++) {
      piece += `${i === 0 ? '' : ','}${JSON.stringify(field[i]) ?? 'null'}`;
      if (piece.length < PIECE_LENGTH) continue;
      yield piece;
      piece = '';
    }
    piece += ']';
  }
  yield `${piece}}`;
}
