/**
 * In: a seed. Out: random numbers, texts and choices, the same on every machine and Node version.
 *
 * Invariant: integer arithmetic only (sfc32), so no floating-point library, no clock and no Math.random can change a byte of a log.
 */
export const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
export const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
export const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c = 0xb7e15162;
  #d: number;

  /** `seed`: 0 … 2^32 − 1; more bits are dropped. The first 20 numbers are thrown away: similar seeds start alike. */
  constructor(seed: number) {
    this.#d = (seed >>> 0) ^ 0xdeadbeef;
    for (let i = 0; i < 20; i++) this.u32();
  }

  /** 0 … 2^32 − 1. */
  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t >>> 0;
  }

  /** 0 … n − 1; the tiny bias of the remainder doesn't matter here. */
  int(n: number): number {
    return this.u32() % n;
  }

  /** True `perMillion` times of a million. */
  chance(perMillion: number): boolean {
    return this.u32() % 1_000_000 < perMillion;
  }

  /** One of `list`, which isn't empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.u32() % list.length] as T;
  }

  /** `n` characters of `alphabet` (at most 256 of them): one number gives four characters. */
  text(n: number, alphabet: string): string {
    let s = '';
    for (let i = 0; i < n; i += 4) {
      let bits = this.u32();
      for (let j = i; j < n && j < i + 4; j++) {
        s += alphabet[(bits & 255) % alphabet.length];
        bits >>>= 8;
      }
    }
    return s;
  }

  /** `n` hexadecimal digits. */
  hex(n: number): string {
    let s = '';
    while (s.length < n) s += this.u32().toString(16).padStart(8, '0');
    return s.slice(0, n);
  }

  /** A message id like matrix-js-sdk's: `7d1f0c2e-1234-4567-8abc-0123456789ab`. */
  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-8${this.hex(3)}-${this.hex(12)}`;
  }
}
