/**
 * A journal with one unit's entries, and the journalctl that reads it, as far as a JournalInput asks. In: entries, vacuums, deaths. Out: processes whose
 * output comes when the test says so.
 */
import type { JournalProcess } from '../../daemon/sources/journal-input.ts';

interface Entry {
  readonly cursor: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

class FakeProcess implements JournalProcess {
  readonly args: readonly string[];
  isAlive = true;
  #out: ((bytes: Buffer) => void)[] = [];
  #err: ((bytes: Buffer) => void)[] = [];
  #close: ((code: number | null) => void)[] = [];
  readonly stdout = { on: (_event: 'data', listener: (bytes: Buffer) => void) => this.#out.push(listener) };
  readonly stderr = { on: (_event: 'data', listener: (bytes: Buffer) => void) => this.#err.push(listener) };

  constructor(args: readonly string[]) {
    this.args = args;
  }

  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: (code: number | null) => void): unknown;
  on(event: 'error' | 'close', listener: ((error: Error) => void) | ((code: number | null) => void)): unknown {
    return event === 'close' ? this.#close.push(listener as (code: number | null) => void) : undefined;
  }

  kill(): void {
    this.end(null);
  }

  /** In pieces of `pieceBytes`, as a pipe cuts them. */
  print(text: string, pieceBytes: number): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += pieceBytes)
      for (const listener of this.#out) listener(bytes.subarray(at, Math.min(bytes.length, at + pieceBytes)));
  }

  end(code: number | null, complaint = ''): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const listener of this.#err) listener(Buffer.from(complaint));
    for (const listener of this.#close) listener(code);
  }
}

export class FakeJournal {
  /** All that were started, the newest last. */
  readonly processes: FakeProcess[] = [];
  pieceBytes = 7;
  #entries: Entry[] = [];
  #written = 0;

  readonly spawn = (args: readonly string[]): JournalProcess => {
    const child = new FakeProcess(args);
    this.processes.push(child);
    return child;
  };

  get newest(): FakeProcess {
    const child = this.processes.at(-1);
    if (child === undefined) throw new TypeError('No journalctl was started');
    return child;
  }

  write(fields: Readonly<Record<string, unknown>>): void {
    const entry = { cursor: `s=ab;i=${(++this.#written).toString(16)}`, fields };
    this.#entries.push(entry);
    const { newest } = this;
    if (newest.isAlive && newest.args.includes('--follow')) this.#print(newest, [entry]);
  }

  writeLines(...lines: readonly string[]): void {
    for (const MESSAGE of lines) this.write({ MESSAGE });
  }

  /** All entries so far are gone. */
  vacuum(): void {
    this.#entries = [];
  }

  /** The newest journalctl prints what it was asked for; one that doesn't follow ends. */
  answer(): void {
    const { newest } = this;
    this.#print(newest, this.#asked(newest.args));
    if (!newest.args.includes('--follow')) newest.end(0);
  }

  #asked(args: readonly string[]): Entry[] {
    if (args.includes('--lines=1')) return this.#entries.slice(-1);
    const at = optionOf(args, '--cursor=');
    const after = optionOf(args, '--after-cursor=');
    // As journalctl: from the place of the cursor, if its entry is there or not.
    const place = Number.parseInt((at ?? after ?? 'i=0').split('i=')[1] ?? '0', 16);
    return this.#entries.filter(({ cursor }) => {
      const number = Number.parseInt(cursor.split('i=')[1] ?? '0', 16);
      return at === undefined ? number > place : number >= place;
    });
  }

  #print(child: FakeProcess, entries: readonly Entry[]): void {
    for (const { cursor, fields } of entries) child.print(`${JSON.stringify({ __CURSOR: cursor, ...fields })}\n`, this.pieceBytes);
  }
}

function optionOf(args: readonly string[], option: string): string | undefined {
  return args.find((arg) => arg.startsWith(option))?.slice(option.length);
}
