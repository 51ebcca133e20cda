/** What container engines put around lines: what stands in it comes out, positions are those of the file, whatever the chunks and whatever stands in the lines. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChunkConsumer, MAX_HELD_BYTES } from '../../../src/lines/chunk-consumer.ts';
import { LineEnvelope } from '../../../src/records/line-envelope.ts';

/** As Docker's writer escapes it (ffjson: `<`, `>`, `&` and U+2028 too). */
function dockerText(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function entry(log: string, stream = 'stdout'): string {
  return `{"log":${dockerText(log)},"stream":"${stream}","time":"2026-11-23T16:52:48.345708468Z"}\n`;
}

/** Takes whole lines but the last, as a reader of records holds the last record; notes where each line began. */
class HoldingReader implements ChunkConsumer {
  readonly lines: string[] = [];
  readonly positions: number[] = [];
  envelope: LineEnvelope | undefined;
  #base = 0;

  begin(positionBytes: number): void {
    this.#base = positionBytes;
  }

  read(bytes: Uint8Array, length: number): number {
    return this.#take(bytes, length, true);
  }

  settle(bytes: Uint8Array, length: number): number {
    return this.#take(bytes, length, false);
  }

  finish(bytes: Uint8Array, length: number): void {
    const done = this.#take(bytes, length, false);
    if (done < length) this.lines.push(new TextDecoder().decode(bytes.subarray(done, length)));
    this.#base = 0;
  }

  #take(bytes: Uint8Array, length: number, holds: boolean): number {
    let done = 0;
    for (let at = 0; ; ) {
      const newline = bytes.indexOf(10, at);
      if (newline < 0 || newline >= length) break;
      if (holds && bytes.indexOf(10, newline + 1) >= length) break;
      if (holds && bytes.indexOf(10, newline + 1) < 0) break;
      this.lines.push(new TextDecoder().decode(bytes.subarray(at, newline)));
      this.positions.push(this.envelope?.originOf(this.#base + at) ?? -1);
      at = newline + 1;
      done = at;
    }
    this.#base += done;
    return done;
  }
}

/** Feeds `file` in chunks that end at `cuts`, as a ChunkFeeder does. */
function feed(file: Uint8Array, cuts: readonly number[]): { lines: string[]; positions: number[]; mostHeld: number } {
  const reader = new HoldingReader();
  const envelope = new LineEnvelope(reader);
  reader.envelope = envelope;
  let held = new Uint8Array(0);
  let mostHeld = 0;
  let at = 0;
  for (const cut of [...cuts, file.length]) {
    const bytes = new Uint8Array(held.length + cut - at);
    bytes.set(held);
    bytes.set(file.subarray(at, cut), held.length);
    at = cut;
    held = bytes.slice(envelope.read(bytes, bytes.length));
    mostHeld = Math.max(mostHeld, held.length);
  }
  held = held.slice(envelope.settle(held, held.length));
  envelope.finish(held, held.length);
  return { lines: reader.lines, positions: reader.positions, mostHeld };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('an envelope of Docker', () => {
  it.each([
    ['plain text', '2026-11-23 16:52:48,338 - synapse - INFO - line'],
    ['quotes and backslashes', `"PUT /x HTTP/1.1" "a\\b" 'c'`],
    ['what Docker escapes for browsers', "<XForwardedForRequest at 0x7f method='POST'> a&b"],
    ['tabs, carriage returns, bells', 'a\tb\rc\u0007d'],
    ['letters of other scripts', 'für 日本 \u2028 😀'],
    ['a text that looks like the end of one', '","stream":"stdout","time":"x"}'],
    ['nothing', ''],
  ])('gives what stands in it: %s', (_, line) => {
    expect(feed(utf8(entry(`${line}\n`)), [])).toMatchObject({ lines: [line] });
  });

  it('gives both halves of a pair, and a mark for one alone', () => {
    const file = '{"log":"\\ud83d\\ude00 \\ud83d! \\ude00 \\u00e4 \\u12xz\\n","stream":"stdout","time":""}\n';
    expect(feed(utf8(file), []).lines).toEqual(['😀 \ufffd! \ufffd ä \ufffd']);
  });

  it('may be of standard error', () => {
    expect(feed(utf8(entry('one\n', 'stderr')), []).lines).toEqual(['one']);
  });

  it('may hold a part of a line, as of one above 16 KiB', () => {
    const file = utf8(entry('one ') + entry('line') + entry(' of three\n') + entry('two\n'));
    expect(feed(file, [])).toMatchObject({ lines: ['one line of three', 'two'] });
  });

  it('is not taken off where a line has none', () => {
    expect(feed(utf8(`${entry('one\n')}docker: something\n${entry('two\n')}`), []).lines).toEqual(['one', 'docker: something', 'two']);
  });

  it('is not seen in a log that begins without one', () => {
    const inside = entry('two\n').trimEnd();
    expect(feed(utf8(`one\n${inside}\n`), []).lines).toEqual(['one', inside]);
  });

  it("is not seen in Synapse's own JSON", () => {
    const line = '{"log":"Processed","namespace":"synapse.access.http.8008","level":"INFO","stream":"stdout"}';
    expect(feed(utf8(`${line}\n`), []).lines).toEqual([line]);
  });
});

describe('an envelope of Kubernetes', () => {
  const stamp = '2026-11-23T16:52:48.345708468Z';

  it.each([
    ['as containerd writes it', `${stamp} stdout F `],
    ['of standard error', `${stamp} stderr F `],
    ['with an offset', '2026-11-23T17:52:48.345708468+01:00 stdout F '],
    ['with whole seconds', '2026-11-23T16:52:48Z stdout F '],
    ['with another tag', `${stamp} stdout F:x `],
  ])('gives what stands in it: %s', (_, head) => {
    expect(feed(utf8(`${head}one\n${head}\n${head} two\n`), []).lines).toEqual(['one', '', ' two']);
  });

  it('may hold a part of a line', () => {
    const file = utf8(`${stamp} stdout P one \n${stamp} stdout P:x line\n${stamp} stdout F  of three\n${stamp} stdout F two\n`);
    expect(feed(file, [])).toMatchObject({ lines: ['one line of three', 'two'] });
  });

  it.each([
    ['another stream', `${stamp} stdin F one`],
    ['another tag', `${stamp} stdout X one`],
    ['no tag', `${stamp} stdout one`],
    ['no text behind the tag', `${stamp} stdout F`],
    ['no stamp', 'stdout F one'],
    ['a stamp that is too long', '2026-11-23T16:52:48.345708468345708468345Z stdout F one'],
    ['too many tags', `${stamp} stdout F:${'x'.repeat(64)} one`],
  ])('is not seen in %s', (_, line) => {
    expect(feed(utf8(`${line}\n`), []).lines).toEqual([line]);
  });
});

describe('an entry of the journal', () => {
  const entryOf = (fields: object): string => `${JSON.stringify({ __REALTIME_TIMESTAMP: '1782820800123000', PRIORITY: '6', ...fields })}\n`;

  it('gives its message: a line of the log, a part of one, bytes, none', () => {
    const file = [
      { MESSAGE: 'one' },
      { MESSAGE: 'two ', _LINE_BREAK: 'line-max' },
      { MESSAGE: 'of two' },
      { MESSAGE: null },
      {},
      { MESSAGE: [0xc3, 0xa4, 7] },
    ];
    expect(feed(utf8(file.map(entryOf).join('')), []).lines).toEqual(['one', 'two of two', 'ä\u0007']);
  });

  it('gives a record of Synapse’s journal handler as one of its JSON log, longer than the entry or not', () => {
    const file = entryOf({ MESSAGE: 'a.b: [POST-7] Said it', LOGGER: 'a.b' }).repeat(3);
    const line = '{"log":"Said it","namespace":"a.b","level":"INFO","time":1782820800.123,"request":"POST-7"}';
    expect(feed(utf8(file), []).lines).toEqual([line, line, line]);
  });

  it('is not seen in other objects', () => {
    const line = '{"MESSAGE":"one","LOGGER":"a.b"}';
    expect(feed(utf8(`${line}\n`), []).lines).toEqual([line]);
  });
});

describe('positions and chunks', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '<', 'é', '😀', '\t', ' '), maxLength: 40 });

  it('give the same lines at the same places of the file, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), (texts, cutNumbers) => {
        const entries = texts.map((line) => utf8(entry(`${line}\n`)));
        const file = Buffer.concat(entries);
        const cuts = cutNumbers.map((cut) => cut % file.length).sort((one, other) => one - other);
        const starts = entries.map((_, index) => entries.slice(0, index).reduce((sum, { length }) => sum + length, 0));
        const fed = feed(file, cuts);
        expect(fed.lines).toEqual(texts);
        expect(fed.positions).toEqual(starts);
      }),
    );
  });
});

it('positions go on from where reading begins', () => {
  const reader = new HoldingReader();
  const envelope = new LineEnvelope(reader);
  reader.envelope = envelope;
  const entries = [utf8(entry('one\n')), utf8(entry('two\n'))];
  const file = Buffer.concat(entries);
  envelope.begin(10_000);
  envelope.settle(file, file.length);
  expect(reader.positions).toEqual([10_000, 10_000 + (entries[0]?.length ?? 0)]);
});

describe('the bound', () => {
  const pieces = Array.from({ length: 40 }, () => entry('<'.repeat(16_384)));

  it('holds for a line that its envelope makes six times as long', () => {
    // 640 KiB of line are 3.8 MiB of file: more than anybody may hold.
    const file = utf8(`${pieces.join('')}${entry('\n')}${entry('after\n')}`);
    const cuts = Array.from({ length: Math.floor(file.length / 65_536) }, (_, index) => (index + 1) * 65_536);
    const { lines, mostHeld } = feed(file, cuts);
    expect(mostHeld).toBeLessThanOrEqual(MAX_HELD_BYTES);
    expect(lines.join('').length).toBe(40 * 16_384 + 'after'.length);
    expect(lines.at(-1)).toBe('after');
  });

  it('holds for a line of the file that never ends', () => {
    const file = utf8(`${entry('one\n')}{"log":"${'x'.repeat(3 * MAX_HELD_BYTES)}`);
    const cuts = Array.from({ length: Math.floor(file.length / 65_536) }, (_, index) => (index + 1) * 65_536);
    const { lines, mostHeld } = feed(file, cuts);
    expect(mostHeld).toBeLessThanOrEqual(MAX_HELD_BYTES);
    expect(lines[0]).toBe('one');
  });
});
