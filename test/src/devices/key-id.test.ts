/** Key ids as numbers: counters of both libraries, and everything else told apart. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterOf, isCounter, keyNumber } from '../../../src/devices/key-id.ts';

const ALGORITHM = 'signed_curve25519:';

function encode(counter: bigint, bytes: 4 | 8): string {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigUInt64BE(counter);
  else buffer.writeUInt32BE(Number(counter));
  return ALGORITHM + buffer.toString('base64').replace(/=+$/, '');
}

describe('a key id', () => {
  // Ids of upstream threads, decoded there by hand (reference/e2ee-evidence.md 2.1).
  it.each([
    ['AAAAAAAAAAA', 0],
    ['AAAAAAAAAAc', 7],
    ['AAAAAAAAAA0', 13],
    ['AAAAAAAAADI', 50],
    ['AAAAAAAAAEI', 66],
    ['AAAAAAAAAT0', 317],
    ['AAAAWA', 88],
    ['AAAA2Q', 217],
  ])('%s is counter %i', (text, counter) => {
    const number = keyNumber(ALGORITHM + text);
    expect([isCounter(number), counterOf(number)]).toEqual([true, counter]);
  });

  it('of the one library is none of the other, though both count', () => {
    expect(keyNumber(`${ALGORITHM}AAAAWA`)).not.toBe(keyNumber(`${ALGORITHM}AAAAAAAAAFg`));
    expect(counterOf(keyNumber(`${ALGORITHM}AAAAWA`))).toBe(counterOf(keyNumber(`${ALGORITHM}AAAAAAAAAFg`)));
  });

  it.each([
    ['of another algorithm', 'curve25519:AAAAAAAAAA0'],
    ['of another length', `${ALGORITHM}AAAAAAAAA0`],
    ['with a character that is no digit', `${ALGORITHM}AAAAAAAAA!0`],
    ['with a last character that no integer has', `${ALGORITHM}AAAAAAAAAA1`],
    ['with a last character that is no digit', `${ALGORITHM}AAAAAAAAAA!`],
    ['beyond what any client counts to', encode(2n ** 64n - 1n, 8)],
    ['that is empty', ''],
  ])('%s is no counter', (_, keyId) => {
    expect(isCounter(keyNumber(keyId))).toBe(false);
  });

  it('counts, though its characters sort otherwise: 13, 14, 15, 0, 1, 2 come first', () => {
    const sorted = Array.from({ length: 50 }, (_, i) => encode(BigInt(i), 8)).sort();
    expect(sorted.slice(0, 6).map(keyNumber)).toEqual([13, 14, 15, 0, 1, 2]);
    expect([...sorted].sort((a, b) => keyNumber(a) - keyNumber(b)).map(keyNumber)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('is its counter up to 2^40, and told apart from all others beyond', () => {
    const counter = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 41n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    fc.assert(
      fc.property(counter, counter, (a, b) => {
        const number = keyNumber(encode(a, 8));
        if (a <= 2n ** 40n) expect(number).toBe(Number(a));
        else expect(isCounter(number)).toBe(false);
        expect(Number.isSafeInteger(number)).toBe(true);
        if (a !== b) expect(number).not.toBe(keyNumber(encode(b, 8)));
      }),
    );
  });
});
