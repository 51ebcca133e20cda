import { describe, expect, it } from 'vitest';
import type { IdentifierMode, LogLevel } from '../../daemon/config/config.ts';
import type { LogFields } from '../../daemon/logger.ts';
import { createObserver, type Observer } from '../../daemon/observer.ts';
import type { WatchEvent } from '../../src/events.ts';

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

function observed(identifiers: IdentifierMode = 'plain'): {
  readonly observer: Observer;
  readonly lines: Line[];
  advance(byMs: number): void;
} {
  const lines: Line[] = [];
  let nowMs = 0;
  const observer = createObserver({
    logger: { write: (level, message, fields) => lines.push({ level, message, fields }) },
    clock: { monotonicMs: () => nowMs },
    identifiers,
  });
  return {
    observer,
    lines,
    advance: (byMs) => {
      nowMs += byMs;
    },
  };
}

const UNREADABLE: WatchEvent = { kind: 'source_unreadable', source: 'homeserver.log', path: '/var/log/homeserver.log', code: 'EACCES' };

describe('the observer', () => {
  // error = data lost or a person needed; warn = surprising, nothing lost; info = life cycle
  it.each<readonly [LogLevel, string, WatchEvent]>([
    ['info', 'Daemon started', { kind: 'daemon_started', version: '0.1.0', configPath: null }],
    [
      'warn',
      'Status page and metrics on 0.0.0.0 are open to other machines without a password',
      { kind: 'server_exposed', host: '0.0.0.0' },
    ],
    ['error', 'Stopped by force: the deadline passed', { kind: 'stop_forced', reason: 'deadline', waitedMs: 5000 }],
    ['error', 'Configuration rejected, 1 problem', { kind: 'config_rejected', problems: ['config.yml:1:1: Cannot use "x": unknown key'] }],
    ['error', 'Cannot read homeserver.log (EACCES), trying again', UNREADABLE],
    ['info', 'Rotation of a: renamed', { kind: 'rotation_seen', source: 'a', path: '/a', rotation: 'renamed' }],
    ['debug', 'Read a rotated generation of a to its end', { kind: 'generation_drained', source: 'a', path: '/a.1', bytes: 7 }],
    ['error', 'Log lines of a are lost: truncated', { kind: 'gap_found', source: 'a', path: '/a', reason: 'truncated', lostBytes: null }],
    [
      'warn',
      'Record in a may be forged: request_number_twice',
      { kind: 'record_distrusted', source: 'a', reason: 'request_number_twice', position: 9 },
    ],
    ['info', 'Using 41 rules from 8 files', { kind: 'rules_loaded', ruleCount: 41, fileCount: 8, trigger: 'start' }],
    [
      'error',
      'Rules rejected, 2 problems, the last good 41 stay in use',
      { kind: 'rules_rejected', problems: ['a', 'b'], keptRuleCount: 41, trigger: 'change' },
    ],
    ['error', 'Rules rejected, 1 problem', { kind: 'rules_rejected', problems: ['a'], keptRuleCount: null, trigger: 'start' }],
    [
      'error',
      'Cannot commit state (ENOSPC), going on in memory and trying again',
      { kind: 'commit_failed', path: '/s', code: 'ENOSPC', message: 'full' },
    ],
    ['warn', 'Requests of a let go without their access line: age', { kind: 'join_evicted', source: 'a', reason: 'age' }],
  ])('says at %s: %s', (level, message, event) => {
    const { observer, lines } = observed();
    observer.announce(event);
    expect(lines).toMatchObject([{ level, message, fields: { event: event.kind } }]);
  });

  it('writes an event’s own fields', () => {
    const { observer, lines } = observed();
    observer.announce(UNREADABLE);
    expect(lines[0]?.fields).toEqual({
      event: 'source_unreadable',
      source: 'homeserver.log',
      path: '/var/log/homeserver.log',
      code: 'EACCES',
    });
  });

  it('writes what repeats once a minute, with the number of those left out', () => {
    const { observer, lines, advance } = observed();
    for (let look = 0; look < 240; look++) {
      observer.announce(UNREADABLE);
      advance(250);
    }
    expect(lines).toHaveLength(1);
    observer.announce(UNREADABLE);
    expect(lines).toHaveLength(2);
    expect(lines[1]?.fields).toMatchObject({ suppressed: 239 });
  });

  it('says at a tick what was kept back, when nothing else came', () => {
    const { observer, lines, advance } = observed();
    observer.announce(UNREADABLE);
    observer.announce(UNREADABLE);
    observer.announce(UNREADABLE);
    advance(59_999);
    observer.tick();
    expect(lines).toHaveLength(1);
    advance(1);
    observer.tick();
    expect(lines[1]).toMatchObject({ level: 'error', fields: { event: 'source_unreadable', suppressed: 1 } });
  });

  it('keeps sources, reasons and kinds apart', () => {
    const { observer, lines } = observed();
    observer.announce(UNREADABLE);
    observer.announce({ ...UNREADABLE, source: 'worker.log' });
    observer.announce({ ...UNREADABLE, code: 'ENOENT' });
    observer.announce({ kind: 'gap_found', source: 'homeserver.log', path: '/x', reason: 'EACCES', lostBytes: 1 });
    expect(lines).toHaveLength(4);
  });

  it('writes life-cycle events each time', () => {
    const { observer, lines } = observed();
    for (let turn = 0; turn < 3; turn++) observer.announce({ kind: 'rules_loaded', ruleCount: 1, fileCount: 1, trigger: 'request' });
    expect(lines).toHaveLength(3);
  });

  it.each([
    ['plain', '@alice:hs'],
    ['none', '<user_id>'],
  ] as const)('redacts samples, with identifiers %s', (identifiers, user) => {
    const { observer, lines } = observed(identifiers);
    observer.announce({
      kind: 'shape_unrecognised',
      source: 'a',
      reason: 'no_stamp',
      logger: null,
      sample: '203.0.113.7 @alice:hs access_token=abc',
    });
    expect(lines[0]?.fields).toMatchObject({ sample: `<ip> ${user} access_token=<secret>`, logger: null });
  });

  it('writes the first twenty problems', () => {
    const { observer, lines } = observed();
    observer.announce({ kind: 'config_rejected', problems: Array.from({ length: 50 }, (_, index) => `${index}`) });
    expect(lines[0]?.message).toBe('Configuration rejected, 50 problems');
    expect(lines[0]?.fields['problems']).toHaveLength(20);
  });
});
