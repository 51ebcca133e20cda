import { describe, expect, it } from 'vitest';
import { decideReadiness, RETURN_GRACE_MS, type SourceStanding } from '../../daemon/readiness.ts';

const READ: SourceStanding = {
  name: 'a.log',
  isResumed: true,
  hasCaughtUp: true,
  hasReachedEnd: true,
  problem: null,
  progress: 'a.log at 40 of 40 bytes',
};
const BEHIND: SourceStanding = { ...READ, hasCaughtUp: false, hasReachedEnd: false, progress: 'a.log at 12 of 40 bytes' };
const DENIED = 'Cannot read "/a.log": permission denied';
const deniedFor = (lastingMs: number): SourceStanding['problem'] => ({ text: DENIED, lastingMs });
/** It has nothing to read, but an earlier run had. */
const AWAITED: SourceStanding = { ...READ, hasReachedEnd: false, problem: deniedFor(0) };
const AWAITING = `waiting up to 60 s for what an earlier run has read: a.log (${DENIED})`;
const fresh = (standing: SourceStanding): SourceStanding => ({ ...standing, isResumed: false });
const other = (standing: SourceStanding): SourceStanding => ({ ...standing, name: 'b.log' });

describe('readiness', () => {
  it.each<[string, readonly SourceStanding[], 'ready' | 'replaying' | 'not ready', string]>([
    ['all is read', [READ, fresh(READ)], 'ready', ''],
    ['a first start that reads', [fresh(BEHIND)], 'replaying', 'reading what is there: a.log at 12 of 40 bytes'],
    ['a start that reads on', [BEHIND, READ], 'replaying', 'reading what is there: a.log at 12 of 40 bytes'],
    ['a first start whose log cannot be read', [fresh(AWAITED)], 'not ready', DENIED],
    ['… is no reason while another one can', [fresh(AWAITED), other(READ)], 'ready', ''],
    ['a log that an earlier run has read, and that cannot be read now', [AWAITED], 'replaying', AWAITING],
    ['… whatever the others are', [other(READ), AWAITED], 'replaying', AWAITING],
    [
      '… to the last moment of its grace',
      [
        { ...AWAITED, problem: deniedFor(RETURN_GRACE_MS - 1) },
        { ...BEHIND, progress: 'b.log at 1 of 2 bytes' },
      ],
      'replaying',
      `reading what is there: b.log at 1 of 2 bytes; ${AWAITING}`,
    ],
    ['… and not for longer', [{ ...AWAITED, problem: deniedFor(RETURN_GRACE_MS) }], 'not ready', DENIED],
    ['… but again when it comes back', [BEHIND], 'replaying', 'reading what is there: a.log at 12 of 40 bytes'],
    [
      'a log that has gone for a moment, before that is a problem',
      [{ ...AWAITED, problem: null }],
      'replaying',
      'reading what is there: a.log at 40 of 40 bytes',
    ],
    ['a log that was read to its end and cannot be read now', [{ ...READ, problem: deniedFor(0) }], 'not ready', DENIED],
  ])('%s', (_, sources, verdict, reason) => {
    expect(decideReadiness(sources)).toEqual({ isReady: verdict === 'ready', isReplaying: verdict === 'replaying', reason });
  });
});
