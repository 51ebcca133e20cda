/** Sources without a file: what is told of them, and where reading can go on. */
import { describe, expect, it } from 'vitest';
import { loadRuleSet } from '../../../daemon/rules/rule-set-loader.ts';
import type { LiveInput, LiveReceiver } from '../../../daemon/sources/live-input.ts';
import { type InputStream, StandardInput } from '../../../daemon/sources/standard-input.ts';
import { StreamedSource } from '../../../daemon/sources/streamed-source.ts';
import type { WatchEvent } from '../../../src/events.ts';
import { RECORD_IDLE_MS } from '../../../src/lines/chunk-consumer.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { Pipeline } from '../../../src/pipeline.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';
import { ManualTurns } from '../../testbench/manual-wake.ts';

/** The test speaks for it. */
class ManualInput implements LiveInput {
  readonly title = 'journal (_SYSTEMD_UNIT=x.service)';
  receiver: LiveReceiver | undefined;
  started: { from: string; mark: string | undefined } | undefined;
  isStopped = false;

  start(from: 'beginning' | 'end', mark: string | undefined, receiver: LiveReceiver): void {
    this.started = { from, mark };
    this.receiver = receiver;
  }

  stop(): void {
    this.isStopped = true;
  }

  line(text: string, mark?: string): void {
    this.receiver?.take(new TextEncoder().encode(text), mark);
  }
}

const RULES = await loadRuleSet({ extraPaths: [] });
const ACCESS =
  '2026-03-10 12:00:05,080 - synapse.access.http.8008 - 643 - INFO - GET-11 - 203.0.113.9 - 8008 - {None} Processed request: 0.012sec/0.001sec ru=(0.009sec, 0.000sec) db=(0.001sec/0.002sec/2) 312B 200 "GET /_matrix/client/versions HTTP/1.1" "smoke" [0 dbevts]\n';
/** Wanted by a rule, so it is held until the next record or a while of silence. */
const HELD =
  "2026-03-10 12:00:06,080 - synapse.handlers.e2e_keys - 955 - INFO - POST-12 - Adding one_time_keys dict_keys(['signed_curve25519:AAAAAAAAAA0']) for device D for user @a:b at 1773144000100\n";

function createSource(input: LiveInput) {
  if (!RULES.ok) throw new TypeError('The built-in rules are wrong');
  const clock = new ManualClock();
  const turns = new ManualTurns();
  const events: WatchEvent[] = [];
  const metrics = new MetricStore({ maxDeviceSeries: 10, identifiers: 'plain', hashIdentifier: (text) => text });
  const pipeline = new Pipeline({ rules: RULES.value, metrics });
  let ends = 0;
  const source = new StreamedSource({
    config: { kind: 'journal', path: '_SYSTEMD_UNIT=x.service', name: 'x', format: 'auto', timezone: 'UTC' },
    input,
    pipeline,
    clock,
    turns,
    announce: (event) => events.push(event),
    onEnd: () => {
      ends++;
    },
  });
  return { source, clock, turns, events, metrics, ends: () => ends };
}

describe('what comes while nothing may change', () => {
  it('has what is under way finished before it is taken', () => {
    const input = new ManualInput();
    const { source, turns } = createSource(input);
    source.start('beginning', undefined);
    const seen: number[] = [];
    turns.whole(() => {
      seen.push(source.stream.counts.lines);
      return seen.length === 3;
    });
    turns.runOne();
    input.line(ACCESS, 'one');
    expect([turns.isHeld, seen, source.stream.counts.lines]).toEqual([false, [0, 0, 0], 1]);
  });
});

describe('where reading can go on', () => {
  it('is behind the last entry that is done with, not behind one that is held', () => {
    const input = new ManualInput();
    const { source, clock } = createSource(input);
    source.start('beginning', undefined);
    expect(source.position()).toBeUndefined();
    input.line(ACCESS, 'one');
    expect(source.position()).toContain('"mark":"one"');
    input.line(HELD, 'two');
    expect(source.position()).toContain('"mark":"one"');
    clock.advance(RECORD_IDLE_MS);
    expect(source.position()).toContain('"mark":"two"');
    source.stop();
    expect([input.isStopped, clock.timerCount]).toEqual([true, 0]);
  });

  it('is handed to the input at the next start', () => {
    const first = new ManualInput();
    const earlier = createSource(first).source;
    earlier.start('beginning', undefined);
    first.line(ACCESS, 'one');
    const second = new ManualInput();
    createSource(second).source.start('end', earlier.position());
    expect(second.started).toEqual({ from: 'end', mark: 'one' });
  });

  it('may be in the middle of an entry: what of it was done with does not come twice', () => {
    const first = new ManualInput();
    const earlier = createSource(first).source;
    earlier.start('beginning', undefined);
    first.line(ACCESS, 'one');
    first.line(ACCESS + HELD, 'two');
    expect(JSON.parse(earlier.position() ?? '')).toMatchObject({ mark: 'one', endBytes: ACCESS.length, doneBytes: 2 * ACCESS.length });
    const second = new ManualInput();
    const { source } = createSource(second);
    source.start('beginning', earlier.position());
    second.line(ACCESS + HELD, 'two');
    second.line(ACCESS, 'three');
    expect([source.stream.counts.accessLines, source.stream.counts.records]).toEqual([1, 2]);
    expect(source.position()).toContain('"mark":"three"');
  });

  it.each([
    ['damaged', '{"form":'],
    ['of another form', '{"form":2,"input":"journal (_SYSTEMD_UNIT=x.service)","mark":"one","endBytes":0,"doneBytes":0}'],
    ['of another unit', '{"form":1,"input":"journal (_SYSTEMD_UNIT=y.service)","mark":"one","endBytes":0,"doneBytes":0}'],
    ['of numbers that cannot be', '{"form":1,"input":"journal (_SYSTEMD_UNIT=x.service)","mark":"one","endBytes":5,"doneBytes":0}'],
    ['nothing', 'null'],
  ])('is forgotten when it is %s', (_, kept) => {
    const input = new ManualInput();
    createSource(input).source.start('beginning', kept);
    expect(input.started?.mark).toBeUndefined();
  });
});

describe('what is told', () => {
  it('follows what the input tells', () => {
    const input = new ManualInput();
    const { source, clock, events, metrics } = createSource(input);
    source.start('beginning', undefined);
    expect([source.hasCaughtUp, source.view().state]).toEqual([false, 'catching up']);
    input.receiver?.problem('Cannot read the journal: no permission');
    input.receiver?.caughtUp();
    expect([source.hasCaughtUp, source.problem]).toEqual([true, 'Cannot read the journal: no permission']);
    clock.advance(5000);
    input.receiver?.recovered();
    input.receiver?.gap('vacuumed');
    expect([source.problem, source.view().state]).toEqual([null, 'following']);
    expect(metrics.counter('lotus_e2ee_watch_gaps_total', 'x').value).toBe(1);
    expect(events).toMatchObject([
      { kind: 'source_opened' },
      { kind: 'source_unreadable', code: 'no permission' },
      { kind: 'caught_up' },
      { kind: 'source_recovered', unreadableMs: 5000 },
      { kind: 'gap_found', reason: 'vacuumed' },
    ]);
  });

  it('says that it lives, as long as its loop does', () => {
    const { source, clock } = createSource(new ManualInput());
    source.start('beginning', undefined);
    clock.advance(10_000);
    expect(clock.monotonicMs() - source.lastLookMs).toBeLessThanOrEqual(1000);
    source.stop();
    expect(clock.timerCount).toBe(0);
  });
});

describe('standard input', () => {
  /** A stream in a test's hands. */
  class ManualStream implements InputStream {
    readonly #listeners = new Map<string, (value: never) => void>();

    on(event: string, listener: (value: never) => void): this {
      this.#listeners.set(event, listener);
      return this;
    }

    pause(): void {}

    emit(event: string, value?: Uint8Array | Error): void {
      this.#listeners.get(event)?.(value as never);
    }
  }

  it('is read to its end, its last line without a newline too', () => {
    const stream = new ManualStream();
    const { source, ends } = createSource(new StandardInput(stream));
    source.start('beginning', undefined);
    expect(source.hasCaughtUp).toBe(true);
    stream.emit('data', new TextEncoder().encode(ACCESS + ACCESS.trimEnd()));
    stream.emit('end');
    expect([source.stream.counts.accessLines, source.view().state, ends(), source.position()]).toEqual([2, 'ended', 1, undefined]);
  });

  it('that fails is a problem, and its end', () => {
    const stream = new ManualStream();
    const { source, ends } = createSource(new StandardInput(stream));
    source.start('beginning', undefined);
    stream.emit('error', new Error('EIO'));
    stream.emit('end');
    expect([source.problem, ends()]).toEqual(['Cannot read standard input: EIO', 1]);
  });
});
