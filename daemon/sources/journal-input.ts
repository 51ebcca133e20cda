/**
 * The entries of one unit in the systemd journal, by `journalctl`: no library, no binding to its file format, and its own handling of rotation.
 *
 * In: a match (`_SYSTEMD_UNIT=matrix-synapse.service`) and the cursor of the last entry an earlier run was done with. Out: the log's bytes, each
 * entry's cursor with it. It is read twice: to its end (then all that was there has come), then `--follow` from there on. At a restart the entry of
 * the cursor is asked for too: if another comes first, the journal has been vacuumed in between, and that is a gap.
 *
 * A journalctl that ends (journald restarted, no permission) is a problem, and started again after RETRY_MS, later each time. It's over when one
 * follows again: brings an entry, or runs for PROVEN_MS.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { JOURNAL_FIELDS, type JournalFields, journalEntryBytes } from '../../src/records/journal-entry.ts';
import type { Clock, Timer } from '../clock.ts';
import type { LiveInput, LiveReceiver } from './live-input.ts';

/** The part of a child process that is used. */
export interface JournalProcess {
  readonly stdout: { on(event: 'data', listener: (bytes: Buffer) => void): unknown };
  readonly stderr: { on(event: 'data', listener: (bytes: Buffer) => void): unknown };
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: (code: number | null) => void): unknown;
  kill(): unknown;
}

export interface JournalInputOptions {
  /** One of journalctl's matches: `FIELD=value`. */
  readonly match: string;
  readonly clock: Pick<Clock, 'setTimer'>;
  /** This machine's, 32 hexadecimal digits: entries that others sent to its journal are theirs. Undefined: every machine's are taken. */
  readonly machineId: string | undefined;
  /** Starts `journalctl` with these arguments; tests put a script in its place. */
  readonly spawnJournalctl?: (args: readonly string[]) => JournalProcess;
}

/** After a failure it's tried again this much later, in milliseconds. Chosen: a restarted journald is back within. */
const RETRY_MS = 1000;

/** The pause doubles with each failure up to this, in milliseconds: a missing permission isn't given by asking. */
const MAX_RETRY_MS = 30_000;

/** A journalctl that follows for so long, in milliseconds, will go on. Chosen: one that can't ends within a few hundredths of a second. */
const PROVEN_MS = 2000;

/** Longest entry taken, in bytes of JSON: an array of numbers for a line of 1 MiB with one unprintable byte. Longer ones are gaps. */
export const MAX_ENTRY_BYTES = 8 * 1024 * 1024;

/** Kept of what journalctl complains about, in characters. */
const MAX_COMPLAINT = 2000;

const NEWLINE = 0x0a;

/**
 * `--merge` for what it leaves out: `--follow` alone shows the running boot only, and asks /proc for its id, which is hidden from the service, or
 * another one than journald's in a container (systemd 252: nothing is shown then, without a word).
 */
const FIXED_ARGUMENTS = ['--output=json', '--all', '--merge', '--no-pager', `--output-fields=${JOURNAL_FIELDS.join(',')}`];

/** `s=0639…;i=4863;b=fa4f…;m=…;t=…;x=…` (sd_journal_get_cursor(3): opaque, but printable and in one piece). */
const CURSOR = /^[\w=;-]{1,500}$/;

type Purpose = 'find the end' | 'catch up' | 'follow';

export class JournalInput implements LiveInput {
  readonly title: string;
  readonly #options: JournalInputOptions;
  #receiver: LiveReceiver | undefined;
  #child: JournalProcess | undefined;
  /** Of the next try, or of the proof that this one goes well. */
  #timer: Timer | undefined;
  #failureCount = 0;
  #cursor: string | undefined;
  /** The cursor is of an earlier run: is its entry still there? */
  #isCursorUnproven = false;
  /** Pieces of the entry whose newline hasn't come. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #isSkipping = false;

  constructor(options: JournalInputOptions) {
    this.#options = options;
    this.title = `journal (${options.match})`;
  }

  start(from: 'beginning' | 'end', mark: string | undefined, receiver: LiveReceiver): void {
    this.#receiver = receiver;
    this.#cursor = mark !== undefined && CURSOR.test(mark) ? mark : undefined;
    this.#isCursorUnproven = this.#cursor !== undefined;
    this.#run(this.#cursor === undefined && from === 'end' ? 'find the end' : 'catch up');
  }

  stop(): void {
    this.#receiver = undefined;
    this.#timer?.cancel();
    this.#child?.kill();
  }

  #run(purpose: Purpose): void {
    const { match, machineId, spawnJournalctl = startJournalctl } = this.#options;
    this.#dropPieces();
    this.#isSkipping = false;
    let complaint = '';
    const machine = machineId === undefined ? [] : [`_MACHINE_ID=${machineId}`];
    const child = spawnJournalctl([...FIXED_ARGUMENTS, ...this.#placeArguments(purpose), ...machine, match]);
    this.#child = child;
    child.stdout.on('data', (bytes) => this.#takeOutput(bytes, purpose));
    child.stderr.on('data', (bytes) => {
      complaint = (complaint + bytes.toString('utf8')).slice(-MAX_COMPLAINT);
    });
    child.on('error', (error) => {
      complaint = error.message;
    });
    child.on('close', (code) => this.#ended(purpose, code, complaint));
  }

  #placeArguments(purpose: Purpose): string[] {
    if (purpose === 'find the end') return ['--lines=1'];
    const place = this.#cursor === undefined ? [] : [`--${this.#isCursorUnproven ? 'cursor' : 'after-cursor'}=${this.#cursor}`];
    return purpose === 'follow' ? ['--follow', '--no-tail', ...place] : place;
  }

  #takeOutput(bytes: Buffer, purpose: Purpose): void {
    let at = 0;
    for (let newline = bytes.indexOf(NEWLINE); newline >= 0; newline = bytes.indexOf(NEWLINE, at)) {
      this.#keepPiece(bytes.subarray(at, newline));
      at = newline + 1;
      if (!this.#isSkipping) this.#takeEntry(Buffer.concat(this.#pieces), purpose);
      this.#isSkipping = false;
      this.#dropPieces();
    }
    if (at < bytes.length) this.#keepPiece(bytes.subarray(at));
  }

  #keepPiece(piece: Buffer): void {
    if (this.#isSkipping) return;
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes <= MAX_ENTRY_BYTES) return;
    this.#dropPieces();
    this.#isSkipping = true;
    this.#receiver?.gap('an entry of the journal is too long');
  }

  #dropPieces(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  #takeEntry(line: Buffer, purpose: Purpose): void {
    const receiver = this.#receiver;
    const fields = parseFields(line.toString('utf8'));
    const cursor = fields?.['__CURSOR'];
    if (receiver === undefined || fields === undefined || typeof cursor !== 'string') return;
    if (this.#isCursorUnproven) {
      this.#isCursorUnproven = false;
      if (cursor === this.#cursor) return;
      receiver.gap('the journal no longer has the entry where reading stopped');
    }
    this.#cursor = cursor;
    if (purpose === 'find the end') return;
    if (purpose === 'follow') this.#prove();
    const bytes = journalEntryBytes(fields);
    if (bytes !== null) receiver.take(bytes, cursor);
  }

  #ended(purpose: Purpose, code: number | null, complaint: string): void {
    const receiver = this.#receiver;
    this.#child = undefined;
    if (receiver === undefined) return;
    if (purpose === 'follow' || code !== 0) {
      this.#timer?.cancel();
      const pauseMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failureCount++);
      receiver.problem(`Cannot read the ${this.title}: ${describeEnd(code, complaint)}`);
      this.#timer = this.#options.clock.setTimer(pauseMs, () => this.#run(purpose === 'find the end' ? purpose : 'catch up'));
      return;
    }
    if (this.#isCursorUnproven) {
      this.#isCursorUnproven = false;
      receiver.gap('the journal no longer has the entry where reading stopped');
    }
    receiver.caughtUp();
    this.#run('follow');
    if (this.#failureCount > 0) this.#timer = this.#options.clock.setTimer(PROVEN_MS, () => this.#prove());
  }

  #prove(): void {
    if (this.#failureCount === 0) return;
    this.#failureCount = 0;
    this.#timer?.cancel();
    this.#receiver?.recovered();
  }
}

/** Undefined where there is none to read. */
export function readMachineId(): string | undefined {
  try {
    return /^[0-9a-f]{32}$/m.exec(readFileSync('/etc/machine-id', 'utf8'))?.[0];
  } catch {
    return undefined;
  }
}

function startJournalctl(args: readonly string[]): JournalProcess {
  return spawn('journalctl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function parseFields(line: string): JournalFields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as JournalFields) : undefined;
  } catch {
    return undefined;
  }
}

function describeEnd(code: number | null, complaint: string): string {
  const said = complaint.trim().split('\n').at(-1) ?? '';
  if (said.includes('insufficient permissions'))
    return `${said.replace(/\.$/, '')}, expected membership of the group systemd-journal (drop-in 80-journal.conf)`;
  return said === '' ? `journalctl ended with ${code ?? 'a signal'}` : said;
}
