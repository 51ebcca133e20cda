/** ASCII texts in bytes: making them, and comparing them at an offset. Bytes behind the buffer's end are equal to nothing. */

/** `text` as bytes; it must be ASCII. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Four ASCII characters as `DataView.getInt32(at, true)` reads them. */
export function asciiWord(text: string): number {
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24);
}

/** Whether `literal` stands at `bytes[at]`. */
export function startsWith(bytes: Uint8Array, at: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
  return true;
}

/** Whether ASCII `text` stands at `bytes[at]`. For few calls: on the hot path compare bytes. */
export function isAscii(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
