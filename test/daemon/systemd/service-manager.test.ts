/** What systemd is told, and in which order, over both ways; real sockets and children are in test/systemd. */
import { describe, expect, it } from 'vitest';
import { createServiceManager, type Environment, inheritedDescriptor, type NotifyMeans } from '../../../daemon/systemd/service-manager.ts';

const PID = 4242;

/** Children end when the test says so. */
class ManualMeans implements NotifyMeans {
  readonly written: string[] = [];
  readonly ran: (readonly string[])[] = [];
  readonly #running: ((failure: string | undefined) => void)[] = [];
  writeFailure: Error | undefined;

  write(fd: number, message: string): void {
    if (this.writeFailure !== undefined) throw this.writeFailure;
    this.written.push(`${fd} ${message}`);
  }

  run(assignments: readonly string[], onEnd: (failure: string | undefined) => void): void {
    this.ran.push(assignments);
    this.#running.push(onEnd);
  }

  monotonicUs(): bigint {
    return 123_456n;
  }

  get runningCount(): number {
    return this.#running.length;
  }

  endChild(failure?: string): void {
    this.#running.shift()?.(failure);
  }
}

function create(environment: Environment) {
  const means = new ManualMeans();
  const lost: string[] = [];
  return { means, lost, manager: createServiceManager({ environment, pid: PID, means, onLost: (message) => lost.push(message) }) };
}

const CHILD = { NOTIFY_SOCKET: '/run/systemd/notify' };
const INHERITED = { ...CHILD, LISTEN_PID: String(PID), LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:notify' };

describe('a descriptor that systemd handed over', () => {
  it.each([
    ['by its name', 'notify', {}, 4],
    ['the first', 'http', {}, 3],
    ['none of that name', 'metrics', {}, undefined],
    ['meant for another process', 'notify', { LISTEN_PID: '1' }, undefined],
    ['more names than descriptors', 'notify', { LISTEN_FDS: '1' }, undefined],
    ['none at all', 'notify', { LISTEN_FDS: undefined, LISTEN_FDNAMES: undefined }, undefined],
  ])('%s', (_, name, changes, fd) => {
    expect(inheritedDescriptor(name, { ...INHERITED, ...changes }, PID)).toBe(fd);
  });
});

describe('over the inherited socket', () => {
  it('each message is one write, at once', () => {
    const { manager, means } = create(INHERITED);
    manager.ready('following a.log, 0 lines');
    manager.reloading();
    manager.ready('following a.log, 0 lines');
    manager.alive('following a.log, 5 lines');
    manager.stopping();
    expect(means.written).toEqual([
      '4 READY=1\nSTATUS=following a.log, 0 lines',
      '4 RELOADING=1\nMONOTONIC_USEC=123456',
      '4 READY=1\nSTATUS=following a.log, 0 lines',
      '4 WATCHDOG=1\nSTATUS=following a.log, 5 lines',
      '4 STOPPING=1\nSTATUS=stopping',
    ]);
  });

  it('a state is told when more than its numbers has changed', () => {
    const { manager, means } = create(INHERITED);
    manager.ready('following a.log, 1 lines');
    manager.describe('following a.log, 1,234 lines');
    manager.describe('cannot read a.log');
    expect(means.written.slice(1)).toEqual(['4 STATUS=cannot read a.log']);
  });

  it('a text with line ends makes no other assignment', () => {
    const { manager, means } = create(INHERITED);
    manager.ready('a\nMAINPID=1');
    expect(means.written).toEqual(['4 READY=1\nSTATUS=a MAINPID=1']);
  });

  it('a failure is told once and breaks nothing', () => {
    const { manager, means, lost } = create(INHERITED);
    means.writeFailure = new Error('EPIPE');
    manager.ready('a');
    manager.alive('a');
    expect(lost).toEqual(['EPIPE']);
  });
});

describe('by systemd-notify', () => {
  it('there is one child at a time, in the order of what was said', () => {
    const { manager, means } = create(CHILD);
    manager.ready('a');
    manager.reloading();
    manager.ready('b');
    expect(means.runningCount).toBe(1);
    means.endChild();
    means.endChild();
    means.endChild();
    expect(means.ran).toEqual([
      ['READY=1', 'STATUS=a'],
      ['RELOADING=1', 'MONOTONIC_USEC=123456'],
      ['READY=1', 'STATUS=b'],
    ]);
    expect(means.runningCount).toBe(0);
  });

  it('pings that wait behind a slow child are one', () => {
    const { manager, means } = create(CHILD);
    manager.ready('a');
    for (let i = 0; i < 5; i++) manager.alive(`${i} lines`);
    means.endChild();
    means.endChild();
    expect(means.ran).toEqual([
      ['READY=1', 'STATUS=a'],
      ['WATCHDOG=1', 'STATUS=4 lines'],
    ]);
  });

  it('a child that fails is told once, and the next one runs', () => {
    const { manager, means, lost } = create(CHILD);
    manager.ready('a');
    manager.alive('a');
    manager.stopping();
    means.endChild('spawn systemd-notify ENOENT');
    means.endChild('spawn systemd-notify ENOENT');
    expect(lost).toEqual(['spawn systemd-notify ENOENT']);
    expect(means.ran.at(-1)).toEqual(['STOPPING=1', 'STATUS=stopping']);
  });

  it('the last words are waited for', async () => {
    const { manager, means } = create(CHILD);
    manager.stopping();
    let isFlushed = false;
    const flushed = manager.flush().then(() => {
      isFlushed = true;
    });
    await Promise.resolve();
    expect(isFlushed).toBe(false);
    means.endChild();
    await flushed;
    expect(isFlushed).toBe(true);
  });
});

it('without systemd nothing is said', async () => {
  const { manager, means } = create({});
  manager.ready('a');
  manager.stopping();
  await manager.flush();
  expect([means.written, means.ran, manager.watchdogMs]).toEqual([[], [], null]);
});

describe('the watchdog period', () => {
  it.each([
    [{ WATCHDOG_USEC: '60000000' }, 60_000],
    [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(PID) }, 60_000],
    [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '1' }, null],
    [{ WATCHDOG_USEC: '0' }, null],
    [{ WATCHDOG_USEC: 'soon' }, null],
    [{}, null],
  ])('of %j is %j', (environment, periodMs) => {
    expect(create(environment).manager.watchdogMs).toBe(periodMs);
  });
});
