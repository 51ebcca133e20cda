/**
 * In: a size as a person writes it. Out: bytes. `64MiB` → 67108864, `1.5g` → 1610612736, `4096` → 4096; anything else throws.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text);
  if (!match) throw new RangeError(`Cannot parse size "${text}": expected a number and B, KiB, MiB or GiB`);
  const unit = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match[2] ?? '').toLowerCase()] ?? 1;
  return Math.round(Number(match[1]) * unit);
}
