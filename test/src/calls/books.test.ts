/** The smaller tables of calls: stays, deliveries, episodes, the chronicle, clients, redactions. */
import { describe, expect, it } from 'vitest';
import { CallBook, endOf } from '../../../src/calls/call-book.ts';
import { Chronicle } from '../../../src/calls/chronicle.ts';
import { ClientDirectory } from '../../../src/calls/client-directory.ts';
import { DeviceSends } from '../../../src/calls/device-sends.ts';
import { EPISODE_GAP_MS, EpisodeBook, type Happened, toIncident } from '../../../src/calls/episode-book.ts';
import { RedactionRecord } from '../../../src/calls/redaction-record.ts';
import { MAX_EARLY, ToDeviceRecord } from '../../../src/calls/to-device-record.ts';
import { MAX_EVIDENCE_LINES } from '../../../src/incident.ts';
import { hashText } from '../../../src/lines/private-hash.ts';
import { PROVENANCE, toDeviceMessages } from '../../testbench/made-facts.ts';

const NOON = Date.UTC(2026, 5, 30, 12);
const PLACE = { roomId: '!a:hs', userId: '@a:hs', deviceId: 'DEV', clientHash: 1, provenance: PROVENANCE };

describe('a stay', () => {
  const play = (...steps: ((book: CallBook) => void)[]): CallBook => {
    const book = new CallBook();
    for (const step of steps) step(book);
    return book;
  };
  const come =
    (ms: number, delayMs = Number.NaN) =>
    (book: CallBook) =>
      book.note(PLACE, NOON + ms, delayMs);
  const confirm = (ms: number) => (book: CallBook) => book.confirm(PLACE, NOON + ms);
  const leave = (ms: number) => (book: CallBook) => book.leave(PLACE, NOON + ms);
  const spans = (book: CallBook) => [...book.rows.values()].map((stay) => [stay.firstMs - NOON, endOf(stay) - NOON]);

  it.each([
    ['lasts from its first event to its leave', [come(0, 8000), come(100), confirm(5000), leave(9000)], [[0, 9000]]],
    ['without a leave ends a delay and some behind its last sign', [come(0, 8000), confirm(5000)], [[0, 43_000]]],
    ['goes on while its timer is restarted', [come(0, 8000), confirm(30_000), confirm(60_000)], [[0, 98_000]]],
    [
      'begins anew behind a leave',
      [come(0, 8000), leave(9000), come(60_000, 8000), leave(70_000)],
      [
        [0, 9000],
        [60_000, 70_000],
      ],
    ],
    ['does not begin anew with the event that is the leave itself', [come(0, 8000), leave(9000), come(9500)], [[0, 9000]]],
    [
      'begins anew at once where a new leave is scheduled',
      [come(0, 8000), leave(9000), come(9500, 8000), leave(9900)],
      [
        [0, 9000],
        [9500, 9900],
      ],
    ],
    [
      'begins anew behind a long silence',
      [come(0, 8000), come(60_000, 8000), leave(61_000)],
      [
        [0, 38_000],
        [60_000, 61_000],
      ],
    ],
    ['is none for a log without times', [come(Number.NaN)], []],
    ['is not made by a leave', [leave(0)], []],
  ])('%s', (_name, steps, expected) => {
    expect(spans(play(...steps))).toEqual(expected);
  });

  it('knows the call keys of its own client, or of its user where the client is another', () => {
    const book = play(come(0, 8000), (it) => it.note({ ...PLACE, deviceId: 'OTHER', clientHash: 2 }, NOON, 8000));
    book.noteKeySend('@a:hs', 1, NOON + 10);
    book.noteKeySend('@a:hs', 99, NOON + 20);
    expect([...book.rows.values()].map(({ deviceId, keySends }) => [deviceId, keySends]).sort()).toEqual([
      ['DEV', 2],
      ['OTHER', 1],
    ]);
  });

  it('is forgotten at the bound, wholly', () => {
    const book = new CallBook(1);
    book.note(PLACE, NOON, 8000);
    book.note({ ...PLACE, userId: '@b:hs' }, NOON + 1, 8000);
    expect([book.rows.size, book.rows.evicted, book.wasInCall('@a:hs', 'DEV', NOON), book.wasInCall('@b:hs', 'DEV', NOON + 1)]).toEqual([
      1,
      1,
      false,
      true,
    ]);
    expect([...book.rooms(NOON, NOON + 10)].flat()).toHaveLength(1);
  });
});

describe('a to-device message', () => {
  const message = (messageId: string | null, deviceId: string | null = 'DEV', userId: string | null = '@a:hs') => ({
    userId,
    deviceId,
    idHash: messageId === null ? null : hashText(messageId),
  });
  const stored = (ms: number, ...messages: ReturnType<typeof message>[]) =>
    toDeviceMessages({ stage: 'stored', timeMs: NOON + ms, messages });
  const returned = (ms: number, ...messages: ReturnType<typeof message>[]) =>
    toDeviceMessages({ stage: 'returned', timeMs: NOON + ms, messages });
  const waitsOf = (...facts: ReturnType<typeof stored>[]) => {
    const record = new ToDeviceRecord();
    return facts.flatMap((fact) => record.apply(fact).map(({ message: one, returnedMs }) => [one.deviceId, returnedMs - one.storedMs]));
  };

  it.each([
    ['waits from being stored to being handed out', [stored(0, message('m')), returned(700, message('m'))], [['DEV', 700]]],
    ['is handed out once', [stored(0, message('m')), returned(700, message('m')), returned(900, message('m'))], [['DEV', 700]]],
    [
      'is known by its id, where a /sync does not say whose it is',
      [stored(0, message('m')), returned(700, message('m', null, null))],
      [['DEV', 700]],
    ],
    [
      'of an id that several devices got is that of the device that syncs',
      [stored(0, message('m'), message('m', 'OTHER')), returned(5, message('m', 'OTHER'))],
      [['OTHER', 5]],
    ],
    ['of another user’s /sync is another one', [stored(0, message('m')), returned(5, message('m', null, '@b:hs'))], []],
    ['may be told of as handed out before it is told of as stored', [returned(700, message('m')), stored(0, message('m'))], [['DEV', 700]]],
    ['that came back before it was stored is another one', [returned(0, message('m')), stored(700, message('m'))], []],
    ['without an id is none that can be followed', [stored(0, message(null)), returned(5, message(null))], []],
  ])('%s', (_name, facts, expected) => {
    expect(waitsOf(...facts)).toEqual(expected);
  });

  it('is forgotten at the bound, and its id with it', () => {
    const record = new ToDeviceRecord(1);
    record.apply(stored(0, message('m'), message('n')));
    expect([
      record.waiting.size,
      record.waiting.evicted,
      record.apply(returned(1, message('m'))),
      record.apply(returned(1, message('n'))).length,
    ]).toEqual([1, 1, [], 1]);
  });

  it('that nothing is known of is remembered for a while', () => {
    const record = new ToDeviceRecord();
    record.apply(returned(0, ...Array.from({ length: MAX_EARLY + 1 }, (_, i) => message(`m${i}`))));
    expect(record.early.size).toBe(MAX_EARLY);
  });
});

describe('sends of a device', () => {
  it('are counted; at the bound the one that sent least recently is forgotten', () => {
    const sends = new DeviceSends(1);
    sends.add('@a:hs', 'DEV');
    sends.add('@a:hs', 'DEV');
    expect([sends.of('@a:hs', 'DEV'), sends.of('@b:hs', 'DEV')]).toEqual([2, 0]);
    sends.add('@b:hs', 'DEV');
    expect([sends.of('@a:hs', 'DEV'), sends.rows.evicted]).toEqual([0, 1]);
  });
});

describe('an episode', () => {
  const happened = (ms: number, more: Partial<Happened> = {}): Happened => ({
    kind: 'client_gave_up',
    subject: 'a',
    isPrivate: false,
    userId: '@a:hs',
    deviceId: null,
    timeMs: NOON + ms,
    level: 'suspected',
    reason: 'r',
    note: `at ${ms}`,
    evidence: [{ source: 's', line: null, position: ms, timeMs: NOON + ms, text: '' }],
    ...more,
  });
  const bookOf = (...all: readonly Happened[]): EpisodeBook => {
    const book = new EpisodeBook();
    for (const one of all) book.add(one);
    return book;
  };

  it('goes on while it comes again within its gap, to the millisecond', () => {
    const counts = (gapMs: number) => [...bookOf(happened(0), happened(gapMs)).rows.values()].map(({ count }) => count);
    expect([counts(EPISODE_GAP_MS), counts(EPISODE_GAP_MS + 1)]).toEqual([[2], [1, 1]]);
  });

  it('is told from its second timeout on', () => {
    expect([bookOf(happened(0)).told().length, bookOf(happened(0), happened(1)).told().length]).toEqual([0, 1]);
    expect(bookOf(happened(0, { kind: 'membership_dropped' })).told()).toHaveLength(1);
  });

  it('has the highest level that one of its happenings reaches, the last note, and its reasons counted', () => {
    const [episode] = bookOf(happened(0), happened(1, { level: 'observed', reason: 'q' }), happened(2)).told();
    expect(episode).toMatchObject({ level: 'observed', note: 'at 2', reasons: { r: 2, q: 1 } });
  });

  it('keeps the first and the last lines', () => {
    const book = bookOf(...Array.from({ length: MAX_EVIDENCE_LINES * 2 }, (_, i) => happened(i)));
    const incident = toIncident(book.told()[0]!, NOON, '', []);
    const positions = incident.evidence.map(({ position }) => position);
    expect([positions.length, positions[0], positions.at(-1)]).toEqual([MAX_EVIDENCE_LINES, 0, MAX_EVIDENCE_LINES * 2 - 1]);
  });

  it('is open for its gap, and has an id of what it is about and when it began', () => {
    const [episode] = bookOf(happened(0), happened(10)).told();
    const at = (ms: number) => toIncident(episode!, NOON + ms, '', []);
    expect([at(0).isOpen, at(10 + EPISODE_GAP_MS).isOpen, at(11 + EPISODE_GAP_MS).isOpen]).toEqual([true, true, false]);
    expect([at(0).id, at(0).ke]).toEqual([`client_gave_up/a/${NOON}`, 'KE-4']);
  });

  it('that happened least recently is forgotten at the bound', () => {
    const book = new EpisodeBook(2);
    for (const [ms, subject] of [
      [0, 'a'],
      [1, 'b'],
      [2, 'a'],
      [3, 'c'],
    ] as const)
      book.add(happened(ms, { subject }));
    expect([[...book.rows.values()].map(({ subject, count }) => `${subject}${count}`), book.rows.evicted]).toEqual([['a2', 'c1'], 1]);
    book.add(happened(4, { subject: 'b' }));
    expect([...book.rows.values()].find(({ subject }) => subject === 'b')?.count).toBe(1);
  });
});

describe('the chronicle', () => {
  it('counts what is inside of a window, by whole seconds', () => {
    const chronicle = new Chronicle();
    for (const ms of [0, 999, 1000, 5000]) chronicle.add(NOON + ms, 'unknown');
    chronicle.add(Number.NaN, 'unknown');
    expect([
      chronicle.count(NOON, NOON + 1000).unknown,
      chronicle.count(NOON + 1000, NOON + 5000).unknown,
      chronicle.count(0, Number.POSITIVE_INFINITY).unknown,
    ]).toEqual([3, 2, 4]);
  });

  it('says what it has forgotten', () => {
    const chronicle = new Chronicle(2);
    for (const second of [0, 1, 2]) chronicle.add(NOON + second * 1000, 'rate_limited');
    expect([
      chronicle.hasForgotten(NOON),
      chronicle.hasForgotten(NOON + 1000),
      chronicle.count(0, Number.POSITIVE_INFINITY).rate_limited,
    ]).toEqual([true, false, 2]);
  });
});

describe('a client', () => {
  it('is a device where it is one only', () => {
    const clients = new ClientDirectory();
    clients.learn('@a:hs', 1, 'DEV');
    clients.learn('@a:hs', 2, 'DEV');
    clients.learn('@a:hs', 2, 'OTHER');
    clients.learn('@a:hs', 2, 'DEV');
    clients.learn('@a:hs', 0, 'DEV');
    expect([1, 2, 3, 0].map((hash) => clients.find('@a:hs', hash))).toEqual(['DEV', null, null, null]);
  });

  it('is forgotten at the bound', () => {
    const clients = new ClientDirectory(1);
    clients.learn('@a:hs', 1, 'DEV');
    clients.learn('@a:hs', 2, 'DEV');
    expect([clients.find('@a:hs', 1), clients.find('@a:hs', 2), clients.rows.evicted]).toEqual([null, 'DEV', 1]);
  });
});

describe('a redaction', () => {
  const redaction = (eventId: string, isOk = true, timeMs = NOON) =>
    ({ kind: 'redaction', eventId, roomId: '!a:hs', userId: null, isOk, timeMs, provenance: PROVENANCE }) as const;

  it('is known by its event, and not by one that was refused', () => {
    const record = new RedactionRecord(2);
    for (const fact of [redaction('$a'), redaction('$b', false), redaction('$a', true, NOON + 9)]) record.apply(fact);
    expect([record.find('$a')?.timeMs, record.find('$b'), record.countIn(NOON, NOON), record.countIn(NOON + 1, NOON + 9)]).toEqual([
      NOON,
      null,
      1,
      0,
    ]);
    record.apply(redaction('$c'));
    record.apply(redaction('$d'));
    expect([record.find('$a'), record.rows.evicted]).toEqual([null, 1]);
  });
});
