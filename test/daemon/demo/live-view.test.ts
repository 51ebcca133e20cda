// What is said of which fact, how often, and what a terminal gets besides.

import { describe, expect, it } from 'vitest';
import type { Terminal } from '../../../daemon/commands/terminal.ts';
import { LiveView } from '../../../daemon/demo/live-view.ts';
import type { Fact, KeyUpload } from '../../../src/facts/fact.ts';
import { delayedEventRequest, toDeviceMessages, toDeviceSend } from '../../testbench/made-facts.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const BASE = {
  timeMs: NOON,
  provenance: { source: 'homeserver.log', positions: [0], requestId: 'POST-1', incarnation: 0, ruleId: 'x' },
} as const;
const HOSTNAME: Fact = { ...BASE, kind: 'server_event', event: 'hostname', detail: 'example.org' };

function createView(terminal: Partial<Terminal> = {}) {
  const clock = new ManualClock();
  const written: string[] = [];
  const view = new LiveView(
    {
      out: (text) => void written.push(text),
      err: () => undefined,
      isOutTerminal: false,
      isErrTerminal: false,
      usesColour: false,
      columns: 80,
      ...terminal,
    },
    clock,
  );
  /** What was written since the last call. */
  const take = (): string => written.splice(0).join('');
  return { clock, view, take };
}

function refusal(deviceId: string, secondsLater = 0): KeyUpload {
  return {
    ...BASE,
    timeMs: NOON + secondsLater * 1000,
    kind: 'key_upload',
    userId: '@alice:example.org',
    deviceId,
    offeredKeyIds: ['signed_curve25519:AAAAHQ'],
    hasDeviceKeys: false,
    refusals: [{ keyId: 'signed_curve25519:AAAAHQ', oldKey: null, newKey: null }],
    outcome: 'conflict',
    access: null,
  };
}

describe('LiveView', () => {
  it.each<readonly [string, Fact, string]>([
    ['a start', { ...BASE, kind: 'server_event', event: 'version', detail: '1.155.0' }, 'Synapse 1.155.0 starts'],
    ['a stop', { ...BASE, kind: 'server_event', event: 'shutting_down', detail: '' }, 'Synapse is told to stop'],
    ['a login', { ...BASE, kind: 'logged_in', userId: '@alice:example.org', deviceId: 'DEV' }, '@alice DEV logs in'],
    [
      'a login at another server',
      { ...BASE, kind: 'logged_in', userId: '@alice:other.org', deviceId: 'DEV' },
      '@alice:other.org DEV logs in',
    ],
    [
      'a logout',
      { ...BASE, kind: 'devices_deleted', userId: '@alice:example.org', deviceIds: ['DEV'] },
      '@alice DEV is deleted (logged out)',
    ],
    [
      'a first upload',
      { ...refusal('DEV'), refusals: [], outcome: 'accepted', hasDeviceKeys: true },
      '@alice DEV publishes 1 one-time key',
    ],
    ['a refusal', refusal('DEV'), '@alice DEV: its upload is refused, a key id is taken'],
    [
      'a claim',
      {
        ...BASE,
        kind: 'keys_claimed',
        claims: [{ keyId: 'a:b', userId: '@bob:example.org', deviceId: 'BOB' }],
        claimer: '@alice:example.org',
      },
      '@alice claims a key of @bob BOB',
    ],
    [
      'a claim of nobody known',
      { ...BASE, kind: 'keys_claimed', claims: [{ keyId: 'a:b', userId: '@bob:example.org', deviceId: 'BOB' }], claimer: null },
      'somebody claims a key of @bob BOB',
    ],
    [
      'a call key',
      toDeviceSend({ ...BASE, isMediaKey: true, sender: '@alice:example.org' }),
      'call keys sent: 1 so far, the last by @alice',
    ],
    ['a delayed event that failed', delayedEventRequest({ ...BASE, outcome: 'client_gave_up' }), 'delayed event, restart: client gave up'],
    [
      'hostile text',
      { ...BASE, kind: 'logged_in', userId: '@\x1b[2J\u202e:example.org', deviceId: 'A\nB' },
      String.raw`@\x1b[2J\u202e A\nB logs in`,
    ],
  ])('says %s', (_name, fact, expected) => {
    const { view, take } = createView();
    view.take(HOSTNAME);
    take();
    view.take(fact);
    expect(take()).toBe(`12:00:00  ${expected}\n`);
  });

  it.each<readonly [string, Fact]>([
    ['sends that are no call keys', toDeviceSend({ ...BASE })],
    ['delayed events that went well', delayedEventRequest({ ...BASE })],
    ['messages that were stored', toDeviceMessages({ ...BASE, messages: [{ userId: null, deviceId: null, idHash: null }] })],
    ['uploads that only fill up', { ...refusal('DEV'), refusals: [], outcome: 'accepted' }],
  ])('is silent about %s', (_name, fact) => {
    const { view, take } = createView();
    view.take(fact);
    expect(take()).toBe('');
  });

  it('speaks of one device once a second, of others at once', () => {
    const { clock, view, take } = createView();
    view.take(refusal('ONE'));
    view.take(refusal('ONE', 1));
    view.take(refusal('ONE', 2));
    view.take(refusal('TWO', 3));
    expect(take().match(/\n/g)).toHaveLength(2);
    clock.advance(999);
    view.tick('');
    expect(take()).toBe('');
    clock.advance(1);
    view.tick('');
    expect(take()).toBe('12:00:02  @alice:example.org ONE: refused 3 times so far\n');
    clock.advance(5000);
    view.tick('');
    expect(take()).toBe('');
  });

  it('says at the end what waits, and nothing after it', () => {
    const { view, take } = createView();
    for (let i = 0; i < 48; i++) view.take(refusal('ONE', i));
    take();
    view.end();
    expect(take()).toBe('12:00:47  @alice:example.org ONE: refused 48 times so far\n');
    view.take(refusal('TWO'));
    view.end();
    expect(take()).toBe('');
  });

  it('says of a claimed key that its device is being refused', () => {
    const { view, take } = createView();
    view.take(HOSTNAME);
    view.take(refusal('ONE'));
    view.take({
      ...BASE,
      kind: 'keys_claimed',
      claims: [{ keyId: 'a:b', userId: '@alice:example.org', deviceId: 'ONE' }],
      claimer: '@bob:example.org',
    });
    expect(take()).toMatch(/@bob claims a key of @alice ONE, refused once\n$/);
  });

  it('keeps to a few lines where one request claims many keys, and to the width of the terminal', () => {
    const { view, take } = createView({ columns: 40 });
    const claims = Array.from({ length: 500 }, (_, index) => ({
      keyId: 'a:b',
      userId: `@user${index}:a-long-name.example.org`,
      deviceId: 'DEV',
    }));
    view.take({ ...BASE, kind: 'keys_claimed', claims, claimer: '@bob:example.org' });
    const lines = take().trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    expect(lines[5]).toBe('12:00:00  @bob:example.org claims 495 m…');
  });
});

describe('the status line', () => {
  it('is not there in a pipe', () => {
    const { view, take } = createView();
    view.tick('status');
    expect(take()).toBe('');
  });

  it('is drawn over the one before, ten times a second at most, and gone at the end', () => {
    const { clock, view, take } = createView({ isOutTerminal: true });
    view.tick('a long status');
    expect(take()).toBe('\ra long status');
    view.tick('too early');
    expect(take()).toBe('');
    clock.advance(100);
    view.tick('short');
    expect(take()).toBe('\rshort        ');
    view.end();
    expect(take()).toBe(`\r${' '.repeat(13)}\r`);
  });

  it('makes room for a line and comes back below it', () => {
    const { view, take } = createView({ isOutTerminal: true });
    view.tick('status');
    take();
    view.take(refusal('ONE'));
    expect(take()).toMatch(/^\r {6}\r12:00:00 .*\n$/);
    view.tick('status');
    expect(take()).toBe('\rstatus');
  });

  it('fits a narrow terminal, and one that says that it has no width', () => {
    for (const [columns, length] of [
      [30, 29],
      [0, 79],
    ] as const) {
      const { view, take } = createView({ isOutTerminal: true, columns });
      view.tick('s'.repeat(200));
      expect(take()).toHaveLength(length + 1);
    }
  });
});
