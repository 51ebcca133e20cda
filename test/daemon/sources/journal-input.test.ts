/** Following the journal: every entry once, over ends of journalctl, restarts of ours, and what was vacuumed in between. */
import { describe, expect, it } from 'vitest';
import { JournalInput, MAX_ENTRY_BYTES } from '../../../daemon/sources/journal-input.ts';
import { FakeJournal } from '../../testbench/fake-journal.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';

const MATCH = '_SYSTEMD_UNIT=matrix-synapse.service';
const MACHINE_ID = '0123456789abcdef0123456789abcdef';

class Listening {
  readonly clock = new ManualClock();
  readonly input: JournalInput;
  /** In order: lines, `caught up`, `problem …`, `gap …`, `recovered`. */
  readonly events: string[] = [];
  mark: string | undefined;

  constructor(journal: FakeJournal) {
    this.input = new JournalInput({ match: MATCH, clock: this.clock, machineId: MACHINE_ID, spawnJournalctl: journal.spawn });
  }

  start(from: 'beginning' | 'end' = 'beginning', mark?: string): this {
    this.input.start(from, mark, {
      take: (bytes, taken) => {
        this.events.push(new TextDecoder().decode(bytes).trimEnd());
        this.mark = taken;
      },
      problem: (text) => this.events.push(`problem ${text}`),
      recovered: () => this.events.push('recovered'),
      gap: (reason) => this.events.push(`gap ${reason}`),
      caughtUp: () => this.events.push('caught up'),
      ended: () => this.events.push('ended'),
    });
    return this;
  }
}

function listen(journal: FakeJournal, from: 'beginning' | 'end' = 'beginning', mark?: string): Listening {
  const listening = new Listening(journal).start(from, mark);
  journal.answer();
  journal.answer();
  return listening;
}

/** What is asked of journalctl, but the fixed part. */
function places(journal: FakeJournal): string[] {
  return journal.processes.map(({ args }) => args.filter((arg) => /^--(?:cursor|after-cursor|follow|lines)/.test(arg)).join(' '));
}

describe('a journal that is read for the first time', () => {
  it('is read to its end, then followed', () => {
    const journal = new FakeJournal();
    const listening = new Listening(journal).start();
    journal.writeLines('one', 'two');
    journal.answer();
    journal.answer();
    journal.writeLines('three');
    expect(listening.events).toEqual(['one', 'two', 'caught up', 'three']);
    expect(places(journal)).toEqual(['', '--follow --after-cursor=s=ab;i=2']);
    expect(journal.newest.args.slice(-2)).toEqual([`_MACHINE_ID=${MACHINE_ID}`, MATCH]);
  });

  it('is followed from its beginning when it was empty', () => {
    const journal = new FakeJournal();
    const listening = listen(journal);
    journal.writeLines('one');
    expect(listening.events).toEqual(['caught up', 'one']);
  });

  it.each([
    ['with entries', ['old', 'older'], '--follow --after-cursor=s=ab;i=2'],
    ['that is empty', [], '--follow'],
  ])('is followed from its end, one %s, if that is asked for', (_, old, place) => {
    const journal = new FakeJournal();
    const listening = new Listening(journal).start('end');
    journal.writeLines(...old);
    journal.answer();
    journal.answer();
    journal.writeLines('new');
    expect(listening.events).toEqual(['caught up', 'new']);
    expect(places(journal)).toEqual(['--lines=1', place]);
  });
});

describe('a later start', () => {
  it('goes on behind the entry that was done with last', () => {
    const journal = new FakeJournal();
    const first = listen(journal);
    journal.writeLines('one', 'two');
    first.input.stop();
    journal.writeLines('three');
    expect(listen(journal, 'beginning', first.mark).events).toEqual(['three', 'caught up']);
  });

  it.each([
    ['and others are there', ['three'], ['three', 'caught up']],
    ['and nothing else is', [], ['caught up']],
  ])('says so when that entry is gone, %s', (_, later, events) => {
    const journal = new FakeJournal();
    const first = listen(journal);
    journal.writeLines('one', 'two');
    first.input.stop();
    journal.vacuum();
    journal.writeLines(...later);
    expect(listen(journal, 'beginning', first.mark).events).toEqual([
      'gap the journal no longer has the entry where reading stopped',
      ...events,
    ]);
  });

  it('begins anew when what was kept is no cursor', () => {
    const journal = new FakeJournal();
    const listening = new Listening(journal).start('beginning', '--file=/etc/shadow');
    journal.writeLines('one');
    journal.answer();
    expect(places(journal)[0]).toBe('');
    expect(listening.events).toEqual(['one', 'caught up']);
  });
});

describe('a journalctl that ends', () => {
  it('is started again where it was, and nothing comes twice', () => {
    const journal = new FakeJournal();
    const listening = listen(journal);
    journal.writeLines('one');
    journal.newest.end(1, 'Connection to journald lost.\n');
    journal.writeLines('two');
    listening.clock.advance(1000);
    journal.answer();
    journal.answer();
    journal.writeLines('three');
    expect(listening.events).toEqual([
      'caught up',
      'one',
      `problem Cannot read the journal (${MATCH}): Connection to journald lost.`,
      'two',
      'caught up',
      'recovered',
      'three',
    ]);
  });

  it('is well again when it follows for a while, too', () => {
    const journal = new FakeJournal();
    const listening = listen(journal);
    journal.newest.end(1);
    listening.clock.advance(1000);
    journal.answer();
    listening.clock.advance(1999);
    expect(listening.events).not.toContain('recovered');
    listening.clock.advance(1);
    expect(listening.events.at(-1)).toBe('recovered');
    expect(listening.clock.timerCount).toBe(0);
  });

  it('again and again is tried less and less often, and is no recovery in between', () => {
    const journal = new FakeJournal();
    const listening = listen(journal);
    const starts: number[] = [];
    for (let i = 0; i < 8; i++) {
      journal.newest.end(1);
      const before = journal.processes.length;
      const sinceMs = listening.clock.monotonicMs();
      while (journal.processes.length === before) listening.clock.advance(1000);
      starts.push(listening.clock.monotonicMs() - sinceMs);
      journal.answer();
    }
    expect(starts).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(listening.events).not.toContain('recovered');
  });

  it('for want of permission is told with what to do', () => {
    const journal = new FakeJournal();
    const listening = new Listening(journal).start();
    journal.newest.end(1, 'Hint: …\nNo journal files were opened due to insufficient permissions.\n');
    expect(listening.events[0]).toBe(
      `problem Cannot read the journal (${MATCH}): No journal files were opened due to insufficient permissions, expected membership of the group systemd-journal (drop-in 80-journal.conf)`,
    );
  });

  it('is not started again after the stop', () => {
    const journal = new FakeJournal();
    const listening = listen(journal);
    listening.input.stop();
    listening.clock.advance(10_000);
    expect([journal.processes.length, journal.newest.isAlive, listening.clock.timerCount]).toEqual([2, false, 0]);
  });

  it('may have left half an entry, which is read whole later', () => {
    const journal = new FakeJournal();
    const listening = listen(journal);
    journal.newest.print('{"__CURSOR":"s=ab;i=1","MESS', 100);
    journal.newest.end(null);
    journal.write({ MESSAGE: 'one' });
    listening.clock.advance(1000);
    journal.answer();
    expect(listening.events.filter((event) => event === 'one')).toHaveLength(1);
  });
});

it('an entry beyond the bound is a gap, and the next one is read', () => {
  const journal = new FakeJournal();
  journal.pieceBytes = 64 * 1024;
  const listening = listen(journal);
  const frame = JSON.stringify({ __CURSOR: 's=ab;i=1', MESSAGE: '' }).length;
  journal.writeLines('x'.repeat(MAX_ENTRY_BYTES - frame));
  journal.writeLines('x'.repeat(MAX_ENTRY_BYTES - frame + 1), 'next');
  expect(listening.events.map((event) => event.slice(0, 50))).toEqual([
    'caught up',
    'x'.repeat(50),
    'gap an entry of the journal is too long',
    'next',
  ]);
});

it('lines of journalctl that are no entry are passed over', () => {
  const journal = new FakeJournal();
  const listening = listen(journal);
  journal.newest.print('-- Reboot --\n[1]\nnull\n{"MESSAGE":"without a cursor"}\n', 100);
  journal.writeLines('one');
  expect(listening.events).toEqual(['caught up', 'one']);
});
