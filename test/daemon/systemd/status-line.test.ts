/** The line that `systemctl status` shows. */
import { expect, it } from 'vitest';
import type { SourceView, StatusView } from '../../../daemon/http/status-view.ts';
import { describeService } from '../../../daemon/systemd/status-line.ts';

function source(name: string, state: string, lines = 1000): SourceView {
  return {
    name,
    state,
    lines,
    path: `/logs/${name}`,
    format: 'text',
    bytes: 0,
    records: 0,
    accessLines: 0,
    unrecognised: 0,
    unreadBytes: 0,
    lastRecordMs: null,
  };
}

function describeSources(sources: readonly SourceView[], ready: Partial<StatusView['ready']> = {}): string {
  return describeService({
    version: '1',
    startedMs: 0,
    ready: { isReady: true, isReplaying: false, reason: '', ...ready },
    sources,
  } as StatusView);
}

it.each([
  ['what is followed', [source('a.log', 'following')], 'following a.log, 1,000 lines'],
  [
    'no more than three names',
    ['a', 'b', 'c', 'd', 'e'].map((name) => source(name, 'following')),
    'following a, b, c and 2 more, 5,000 lines',
  ],
  [
    'what cannot be read',
    [source('a.log', 'following'), source('b.log', 'permission denied')],
    "1 of 2 sources can't be read: b.log (permission denied); 2,000 lines",
  ],
  ['an end that is none of ours', [source('stdin', 'ended')], 'following stdin, 1,000 lines'],
])('names %s', (_, sources, line) => {
  expect(describeSources(sources)).toBe(line);
});

it('says how far a replay is', () => {
  const reason = 'reading what is there: a.log at 1 of 2 bytes';
  expect(describeSources([source('a.log', 'catching up')], { isReady: false, isReplaying: true, reason })).toBe(reason);
});
