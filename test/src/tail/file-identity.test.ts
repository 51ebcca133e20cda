/** When two looks saw the same file. */
import { describe, expect, it } from 'vitest';
import {
  type FileLook,
  grownPrefixLength,
  isKnownFile,
  isSameInode,
  isSamePlace,
  MAX_PREFIX_BYTES,
} from '../../../src/tail/file-identity.ts';

const LOOK: FileLook = { dev: 1, ino: 7, birthtimeMs: 1000, modifiedMs: 2000, sizeBytes: 500, linkCount: 1, access: '' };

describe('isSameInode and isSamePlace', () => {
  it.each([
    ['the same', {}, true, true],
    ['another inode', { ino: 8 }, false, false],
    ['another device', { dev: 2 }, false, false],
    ['the inode of a deleted file, given to a new one', { birthtimeMs: 1004 }, true, false],
    ['no birth time on this file system', { birthtimeMs: 0 }, true, true],
    ['grown', { sizeBytes: 501, modifiedMs: 2001 }, true, true],
  ])('%s', (_, changes, sameInode, samePlace) => {
    expect(isSameInode(LOOK, { ...LOOK, ...changes })).toBe(sameInode);
    expect(isSamePlace(LOOK, { ...LOOK, ...changes })).toBe(samePlace);
    expect(isSamePlace({ ...LOOK, ...changes }, LOOK)).toBe(samePlace);
  });
});

describe('isKnownFile', () => {
  const known = { ...LOOK, prefix: { lengthBytes: 100, hash: 'a' } };
  it.each([
    ['still begins as it did', LOOK, 'a', true],
    ['begins with something else', LOOK, 'b', false],
    ['is shorter than what is known of it', { ...LOOK, sizeBytes: 99 }, 'a', false],
    ['is just as long', { ...LOOK, sizeBytes: 100 }, 'a', true],
    ['is another file with the same beginning', { ...LOOK, birthtimeMs: 1004 }, 'a', false],
  ])('a file that %s', (_, look, hash, expected) => {
    const lengths: number[] = [];
    const hashOfFirst = (length: number): string => {
      lengths.push(length);
      return hash;
    };
    expect(isKnownFile(known, look, hashOfFirst)).toBe(expected);
    expect(lengths.every((length) => length === 100)).toBe(true);
  });

  it('knows a file that was empty by its place alone', () => {
    const empty = { ...LOOK, prefix: { lengthBytes: 0, hash: '' } };
    expect(isKnownFile(empty, LOOK, () => 'anything')).toBe(true);
  });
});

describe('grownPrefixLength', () => {
  it.each([
    [0, 0, undefined],
    [0, 1, 1],
    [10, 10, undefined],
    [10, 5, undefined],
    [10, MAX_PREFIX_BYTES + 1, MAX_PREFIX_BYTES],
    [MAX_PREFIX_BYTES, 1e9, undefined],
  ])('%d bytes hashed, %d read: %s', (lengthBytes, readBytes, expected) => {
    expect(grownPrefixLength({ lengthBytes, hash: '' }, readBytes)).toBe(expected);
  });
});
