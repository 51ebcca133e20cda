/** What a look at a followed file means. */
import { describe, expect, it } from 'vitest';
import type { FileLook } from '../../../src/tail/file-identity.ts';
import {
  chooseSuccessor,
  decideNext,
  type HandleLook,
  LATE_WRITE_MS,
  type PathLook,
  rotationKindOf,
  type Sibling,
  truncationGap,
} from '../../../src/tail/rotation.ts';

const lookOf = (ino: number, changes: Partial<FileLook> = {}): FileLook => ({
  dev: 1,
  ino,
  birthtimeMs: ino * 1000,
  modifiedMs: ino * 1000 + 500,
  sizeBytes: 100,
  linkCount: 1,
  access: '',
  ...changes,
});
const pathTo = (ino: number): PathLook => ({ kind: 'file', look: lookOf(ino) });
const siblingOf = (ino: number, changes: Partial<FileLook> = {}, isLive = false): Sibling => ({
  path: `${ino}`,
  look: lookOf(ino, changes),
  kind: isLive ? 'live' : 'numbered',
  isLive,
  isCompressed: false,
  isPinned: false,
});
const packed = (sibling: Sibling): Sibling => ({ ...sibling, isCompressed: true });
const dated = (sibling: Sibling): Sibling => ({ ...sibling, kind: 'dated' });
const handleAt = (positionBytes: number, changes: Partial<HandleLook> = {}): HandleLook => ({
  look: lookOf(5),
  positionBytes,
  isMarkerIntact: true,
  quietMs: LATE_WRITE_MS,
  ...changes,
});
const MISSING: PathLook = { kind: 'missing' };
const BLOCKED: PathLook = { kind: 'blocked', text: 'no' };
const NEXT = siblingOf(6, {}, true);

describe('decideNext', () => {
  it.each([
    ['nothing open, a file is there', pathTo(5), undefined, undefined, 'open'],
    ['nothing open, nothing there', MISSING, undefined, undefined, 'missing'],
    ['nothing open, no permission', BLOCKED, undefined, undefined, 'blocked'],
    ['all is read', pathTo(5), handleAt(100), undefined, 'wait'],
    ['one byte more', pathTo(5), handleAt(99), undefined, 'read'],
    ['one byte less', pathTo(5), handleAt(101), undefined, 'truncated'],
    ['emptied and grown past the position', pathTo(5), handleAt(50, { isMarkerIntact: false }), undefined, 'truncated'],
    ['rotated, unread bytes left', pathTo(6), handleAt(99), NEXT, 'read'],
    ['rotated, all is read', pathTo(6), handleAt(100), NEXT, 'drain_then_switch'],
    ['rotated, written to a moment ago', pathTo(6), handleAt(100, { quietMs: LATE_WRITE_MS - 1 }), NEXT, 'linger'],
    ['rotated twice, written to a moment ago', pathTo(7), handleAt(100, { quietMs: 0 }), siblingOf(6), 'drain_then_switch'],
    ['rotated, the new file is empty', pathTo(6), handleAt(100), undefined, 'wait'],
    ['another device has this inode', { kind: 'file', look: lookOf(5, { dev: 2 }) } as const, handleAt(100), NEXT, 'drain_then_switch'],
    ['deleted, unread bytes left', MISSING, handleAt(99), undefined, 'read'],
    ['deleted, all is read', MISSING, handleAt(100), undefined, 'missing'],
    ['two generations later, deleted', MISSING, handleAt(100), siblingOf(6), 'drain_then_switch'],
    ['permission taken, unread bytes left', BLOCKED, handleAt(99), undefined, 'read'],
    ['permission taken, all is read', BLOCKED, handleAt(100), undefined, 'blocked'],
    ['deleted and emptied', MISSING, handleAt(101), undefined, 'truncated'],
  ])('%s', (_, path, handle, successor, expected) => {
    expect(decideNext({ path, handle, successor, isUnsettled: false })).toBe(expected);
  });

  it.each([
    ['rotated', pathTo(6)],
    ['no file', MISSING],
  ])('%s, and the folder looks different each time: nobody knows what comes next', (_, path) => {
    expect(decideNext({ path, handle: handleAt(100), successor: undefined, isUnsettled: true })).toBe('linger');
  });
});

const open5 = lookOf(5);

describe('chooseSuccessor', () => {
  const open = open5;
  const chosen = (...siblings: Sibling[]) => chooseSuccessor(open, siblings)?.path;

  it.each<[string, Sibling[], string | undefined]>([
    ['the live file', [siblingOf(4), siblingOf(5), siblingOf(7, {}, true)], '7'],
    ['the one in between', [siblingOf(4), siblingOf(5), siblingOf(6), siblingOf(7, {}, true)], '6'],
    ['past an empty one', [siblingOf(5), siblingOf(6, { sizeBytes: 0 }), siblingOf(7, {}, true)], '7'],
    [
      'none while all later ones are empty',
      [siblingOf(5), siblingOf(6, { sizeBytes: 0 }), siblingOf(7, { sizeBytes: 0 }, true)],
      undefined,
    ],
    ['the later ones where the open one is deleted', [siblingOf(3), siblingOf(4), siblingOf(6), siblingOf(7, {}, true)], '6'],
    ['no older file of another naming scheme that sorts behind it', [dated(siblingOf(5)), siblingOf(3), siblingOf(7, {}, true)], '7'],
    ['a later file of another naming scheme', [dated(siblingOf(5)), siblingOf(6), siblingOf(7, {}, true)], '6'],
    ['by its name one that was born before a copy', [siblingOf(5), siblingOf(4), siblingOf(7, {}, true)], '4'],
    ['a packed one in between', [siblingOf(4), siblingOf(5), packed(siblingOf(6)), siblingOf(7, {}, true)], '6'],
    ['a packed one that was written to later, where the open one is deleted', [packed(siblingOf(6)), siblingOf(7, {}, true)], '6'],
    ['perhaps what the open one was packed to', [packed(siblingOf(6, { modifiedMs: 5500 })), siblingOf(7, {}, true)], '6'],
    ['past an older packed one, where the open one is deleted', [packed(siblingOf(6, { modifiedMs: 5499 })), siblingOf(7, {}, true)], '7'],
    ['past a packed one of another naming scheme that is older', [dated(siblingOf(5)), packed(siblingOf(4)), siblingOf(7, {}, true)], '7'],
    ['one that is held since it was seen', [{ ...siblingOf(4), isPinned: true }, siblingOf(7, {}, true)], '4'],
    [
      'one made in the same tick that was written to later, where no name tells',
      [siblingOf(6, { birthtimeMs: 5000 }), siblingOf(7, {}, true)],
      '6',
    ],
    [
      'none made in the same tick that was not written to later, where no name tells',
      [siblingOf(6, { birthtimeMs: 5000, modifiedMs: 5500 }), siblingOf(7, {}, true)],
      '7',
    ],
    ['the live file even if it is older', [siblingOf(5), siblingOf(2, {}, true)], '2'],
    ['the live file alone', [siblingOf(7, {}, true)], '7'],
    ['none where there is nothing', [], undefined],
  ])('%s', (_, siblings, expected) => {
    expect(chosen(...siblings)).toBe(expected);
  });

  it('goes by the last write where there is no birth time', () => {
    const withoutBirth = (ino: number, isLive = false) => siblingOf(ino, { birthtimeMs: 0 }, isLive);
    expect(chooseSuccessor(lookOf(5, { birthtimeMs: 0 }), [withoutBirth(4), withoutBirth(6), withoutBirth(7, true)])?.path).toBe('6');
    expect(chooseSuccessor(lookOf(5, { birthtimeMs: 0 }), [withoutBirth(4), withoutBirth(7, true)])?.path).toBe('7');
  });
});

describe('rotationKindOf', () => {
  it.each([
    [1, false, 'rename'],
    [0, false, 'delete'],
    [1, true, 'relink'],
  ])('%d names, relinked %s: %s', (linkCount, isPathRelinked, expected) => {
    expect(rotationKindOf(lookOf(5, { linkCount }), isPathRelinked)).toBe(expected);
  });
});

describe('truncationGap', () => {
  it.each<[string, number, number, { path: string; sizeBytes: number } | undefined, number, number]>([
    ['all that was seen is read', 100, 100, undefined, 100, 0],
    ['seen and not read', 100, 130, undefined, 100, 30],
    ['a copy that holds more than was seen', 100, 130, { path: 'h.log.1', sizeBytes: 150 }, 150, 0],
    ['a copy that holds less', 100, 130, { path: 'h.log.1', sizeBytes: 120 }, 120, 10],
  ])('%s', (_, position, seen, copy, fromByte, lostBytes) => {
    expect(truncationGap(position, seen, copy)).toEqual({
      reason: 'truncated',
      fromByte,
      lostBytes,
      isExact: false,
      recoveredFrom: copy?.path,
    });
  });
});
