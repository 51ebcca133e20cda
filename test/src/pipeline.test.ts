/** The whole way, from bytes to counts, where stages meet: restarts, doubled records, bounds, unknown shapes, several sources. */
import { describe, expect, it } from 'vitest';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { MAX_UNRECOGNISED_REASONS } from '../../src/source-stream.ts';
import { BUILT_IN_RULES, type LogReading, readLog } from './facts/read-log.ts';
import { feed } from './records/chunks.ts';
import {
  accessEntry,
  bannerEntries,
  claimEntry,
  type DeviceName,
  errorEntry,
  type LogEntry,
  offerEntry,
  refusalEntry,
  renderLog,
  returnEntry,
  START_MS,
  signedKey,
  UPLOAD_URI,
} from './records/log-lines.ts';

const ALICE: DeviceName = { userId: '@alice:example.org', deviceId: 'ALICEDEVIC' };
const BOB: DeviceName = { userId: '@bob:example.org', deviceId: 'BOBDEVICE1' };
const KEY_ID = 'signed_curve25519:AAAAAAAAAA0';

let clock = START_MS;
/** A moment later than all before. */
function head(request: string) {
  clock += 7;
  return { timeMs: clock, request };
}
const offer = (request: string, device = ALICE) => offerEntry(head(request), device, [KEY_ID]);
const refusal = (request: string) => refusalEntry(head(request), KEY_ID, { oldKey: signedKey('OLD', ALICE), newKey: "{'key': 'NEW'}" });
const answer = (request: string, status = 200, uri = UPLOAD_URI) => accessEntry(head(request), { uri, status });
const quick = (request: string) => answer(request, 200, '/_matrix/client/versions');
const banner = () => bannerEntries(head('main').timeMs);
const requests = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => quick(`GET-${from + i}`));

/** `user: accepted, conflicts` of each device. */
const uploads = ({ pipeline }: LogReading) =>
  Object.fromEntries(
    pipeline.devices
      .list()
      .map(({ deviceId, keyUploads, conflictCount }) => [deviceId, `${keyUploads.accepted} accepted, ${conflictCount} refused`]),
  );
const sum = ({ pipeline }: LogReading, name: string): number => {
  pipeline.refreshMetrics();
  return pipeline.metrics.sums()[name] ?? Number.NaN;
};
const joins = ({ pipeline }: LogReading, outcome: string) => pipeline.metrics.counter('lotus_e2ee_watch_joins_total', outcome).value;
const read = (entries: readonly LogEntry[], options = {}) => readLog(renderLog(entries), options);

describe('a restart', () => {
  it('ends the requests of the process before: the same number is another request', () => {
    const reading = read([
      ...requests(0, 2000),
      offer('POST-2000', ALICE),
      ...banner(),
      ...requests(0, 2000),
      offer('POST-2000', BOB),
      answer('POST-2000'),
    ]);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 0 refused', BOBDEVICE1: '1 accepted, 0 refused' });
    expect(reading.stream.incarnations).toBe(2);
    expect(reading.facts.filter(({ kind }) => kind === 'key_upload').map(({ provenance }) => provenance.incarnation)).toEqual([1, 0]);
  });

  it('is seen where a matched record comes before any access line', () => {
    const reading = read([...requests(1, 50), offer('POST-0', ALICE), ...banner(), offer('POST-0', BOB), answer('POST-0')]);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 0 refused', BOBDEVICE1: '1 accepted, 0 refused' });
  });

  it('without a banner is seen by numbers that come again', () => {
    const reading = read([
      ...requests(0, 2000),
      offer('POST-2000', ALICE),
      ...requests(0, 2000),
      offer('POST-2000', BOB),
      answer('POST-2000'),
    ]);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 0 refused', BOBDEVICE1: '1 accepted, 0 refused' });
    expect(reading.stream.incarnations).toBe(2);
  });

  it('is known over rotated generations of a file', () => {
    const [before, after] = [
      renderLog([...requests(0, 2000), offer('POST-2000')]),
      renderLog([...banner(), ...requests(0, 20), answer('POST-2000')]),
    ];
    expect(readLog([before, after]).stream.incarnations).toBe(2);
    const [first, second] = [
      renderLog([...requests(0, 2000), offer('POST-2000')]),
      renderLog([answer('POST-2000'), ...requests(2001, 2010)]),
    ];
    const going = readLog([first, second]);
    expect([going.stream.incarnations, uploads(going)]).toEqual([1, { ALICEDEVIC: '1 accepted, 0 refused' }]);
  });

  it('isn’t made by somebody who can write a banner into the log: numbers go on, and requests stay whole', () => {
    const reading = read([
      ...requests(0, 5000),
      offer('POST-5000'),
      ...banner(),
      refusal('POST-5000'),
      answer('POST-5000', 400),
      ...requests(5001, 5010),
    ]);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 1 refused' });
    expect(reading.stream.incarnations).toBe(1);
  });

  it('isn’t made by a banner in pieces, nor by one of an ordinary request', () => {
    const [started, version] = banner() as [LogEntry, LogEntry];
    for (const forged of [
      [started],
      [version],
      [version, started],
      [started, claimEntry(head('POST-5'), []), version],
      [
        { ...started, request: 'POST-9' },
        { ...version, request: 'POST-9' },
      ],
    ]) {
      const reading = read([...requests(0, 2000), offer('POST-2000'), ...forged, quick('GET-5'), answer('POST-2000')]);
      expect(uploads(reading)).toEqual({ ALICEDEVIC: '1 accepted, 0 refused' });
      expect(reading.stream.incarnations).toBe(1);
    }
  });

  it('isn’t made by a long poll that closes as GET-0 when numbers are far on', () => {
    const reading = read([...requests(1, 3000), offer('POST-3000'), quick('GET-0'), answer('POST-3000'), ...requests(3001, 3010)]);
    expect([uploads(reading), reading.stream.incarnations]).toEqual([{ ALICEDEVIC: '1 accepted, 0 refused' }, 1]);
  });
});

describe('records that a shutdown wrote twice', () => {
  const upload = () => [offer('POST-350'), refusal('POST-350'), answer('POST-350', 400)];
  const returned = () => [returnEntry(head('GET-351'), ['a', 'b']), answer('GET-351', 200, '/_matrix/client/v3/sync')];

  it('count once in every sum, and twice among the lines of the file', () => {
    const first = [
      ...upload(),
      ...returned(),
      answer('PUT-352', 200, '/_matrix/client/v3/sendToDevice/m.room.encrypted/m1782820800123.1'),
      claimEntry(head('POST-353'), [{ ...ALICE, keyId: KEY_ID }]),
    ];
    const before = requests(0, 350);
    const [once, twice] = [read([...before, ...first]), read([...before, ...first, ...first.toReversed()])];
    const sumsOf = (reading: LogReading) => [
      uploads(reading),
      reading.pipeline.traffic.returned,
      reading.pipeline.traffic.mediaKeySends,
      reading.pipeline.devices.claims,
      reading.facts.length,
      reading.stream.incarnations,
    ];
    expect(sumsOf(twice)).toEqual(sumsOf(once));
    expect(sum(twice, 'lotus_e2ee_otk_conflicts_total')).toBe(1);
    expect([twice.stream.counts.records, twice.stream.counts.accessLines]).toEqual([
      before.length + 2 * first.length,
      before.length + 2 * 3,
    ]);
  });

  it('are told from records of two requests that say the same', () => {
    const twins = (['POST-1', 'POST-2'] as const).flatMap((request) =>
      [offer(request), refusal(request), answer(request, 400)].map((entry) => ({ ...entry, timeMs: START_MS })),
    );
    expect(uploads(read(twins))).toEqual({ ALICEDEVIC: '0 accepted, 2 refused' });
  });

  it('are told from those of a process that has the same numbers', () => {
    const first = [...requests(0, 20), ...upload()];
    const later = first.map((entry) => ({ ...entry, timeMs: entry.timeMs + 60_000 }));
    expect(uploads(read([...first, ...banner(), ...later]))).toEqual({ ALICEDEVIC: '0 accepted, 2 refused' });
  });
});

describe('joins', () => {
  it('by the ids of request_id_header are made as those by number', () => {
    const reading = read(
      [answer('req-a'), offer('req-b'), offer('req-c', BOB), answer('req-c'), refusal('req-b'), answer('req-b', 400)].map((entry) =>
        entry.logger.startsWith('synapse.access') ? { ...entry, message: entry.message.replace('"GET ', '"POST ') } : entry,
      ),
    );
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 1 refused', BOBDEVICE1: '1 accepted, 0 refused' });
  });

  it('that never close are given up by age, counted, and what they saw counts all the same', () => {
    const late = (entry: LogEntry) => ({ ...entry, timeMs: entry.timeMs + 3 * 3_600_000 });
    const reading = read([
      offer('POST-1'),
      refusal('POST-1'),
      late(claimEntry(head('POST-2'), [])),
      late(late(claimEntry(head('POST-3'), []))),
    ]);
    expect([joins(reading, 'expired'), joins(reading, 'closed'), uploads(reading)]).toEqual([
      2,
      0,
      { ALICEDEVIC: '0 accepted, 1 refused' },
    ]);
  });

  it('are bounded in number, and those over it counted', () => {
    const open = Array.from({ length: 5000 }, (_, i) => refusal(`POST-${i}`));
    const reading = read(open, { joinBounds: { maxOpen: 1000, maxAgeMs: 3_600_000, maxRecords: 4 } });
    expect(joins(reading, 'evicted')).toBeGreaterThanOrEqual(4000);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 5000 refused' });
  });

  it('are bounded in their records', () => {
    const reading = read([...Array.from({ length: 200 }, () => refusal('POST-1')), answer('POST-1', 400)]);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '0 accepted, 64 refused' });
  });

  it('are counted when they close, and open ones shown', () => {
    const reading = read([offer('POST-1'), answer('POST-1'), offer('POST-2'), answer('POST-3')]);
    expect(joins(reading, 'closed')).toBe(1);
    const { pipeline } = startReading([offer('POST-1'), offer('POST-2'), offer('POST-2')]);
    pipeline.refreshMetrics();
    expect(pipeline.metrics.gauge('lotus_e2ee_watch_joins_open').value).toBe(2);
  });

  /** Reads without ending: as a running daemon. */
  function startReading(entries: readonly LogEntry[]) {
    const pipeline = new Pipeline({ rules: BUILT_IN_RULES, metrics: new MetricStore() });
    const stream = pipeline.addSource({ name: 'homeserver.log', timeZone: 'UTC' });
    feed(stream, Buffer.from(renderLog(entries)));
    return { pipeline, stream };
  }
});

describe('shapes that nobody knows', () => {
  it('are counted by logger, with a sample, and what is known around them still counts', () => {
    const strange = { ...answer('GET-2'), message: '203.0.113.7 - 8008 - {None} Processed request in a new way' };
    const reading = read([offer('POST-1'), strange, answer('POST-1')]);
    expect([...reading.stream.unrecognised]).toEqual([['access_line synapse.access.http.8008', 1]]);
    expect(reading.samples).toEqual([{ reason: 'access_line synapse.access.http.8008', sample: strange.message }]);
    expect(uploads(reading)).toEqual({ ALICEDEVIC: '1 accepted, 0 refused' });
    expect(sum(reading, 'lotus_e2ee_watch_unrecognised_total')).toBe(1);
  });

  it('of a message that a rule’s first words announce are counted too; others of that logger aren’t', () => {
    const reading = read([
      { ...offer('POST-1'), message: 'Adding one_time_keys in a new way' },
      { ...offer('POST-2'), message: 'Changed keys' },
      errorEntry(head('POST-3'), '404 - Not found', '/x'),
    ]);
    expect([...reading.stream.unrecognised]).toEqual([['message synapse.handlers.e2e_keys', 1]]);
  });

  it('have a bounded number of names', () => {
    const strange = Array.from({ length: 300 }, (_, i) => ({
      ...answer(`GET-${i}`),
      logger: `synapse.access.http.${i}`,
      message: 'strange',
    }));
    const { stream } = read([...strange, ...strange]);
    expect(stream.unrecognised.size).toBe(MAX_UNRECOGNISED_REASONS + 1);
    expect(stream.unrecognised.get('other')).toBe(2 * (300 - MAX_UNRECOGNISED_REASONS));
    expect(stream.unrecognised.get('access_line synapse.access.http.0')).toBe(2);
  });
});

describe('counters', () => {
  it('say what the tables say', () => {
    const reading = read([
      ...requests(0, 5),
      offer('POST-10'),
      answer('POST-10'),
      offer('POST-11'),
      refusal('POST-11'),
      answer('POST-11', 400),
      claimEntry(head('POST-12'), [
        { ...ALICE, keyId: KEY_ID },
        { ...ALICE, keyId: KEY_ID },
      ]),
      answer('POST-12', 200, '/_matrix/client/v3/keys/claim'),
      answer('PUT-13', 200, '/_matrix/client/v3/sendToDevice/m.x/1'),
      answer('PUT-14', 500, '/_matrix/client/v3/sendToDevice/m.x/2'),
      returnEntry(head('GET-15'), ['a', null]),
      answer('GET-15', 200, '/_matrix/client/v3/sync?timeout=30000'),
      answer('POST-16', 499, '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_x/restart'),
    ]);
    const of = (name: string, ...labels: string[]) =>
      reading.pipeline.metrics.counter(name as Parameters<MetricStore['counter']>[0], ...labels).value;
    reading.pipeline.refreshMetrics();
    expect({
      conflicts: of('lotus_e2ee_otk_conflicts_total'),
      uploads: [of('lotus_e2ee_key_uploads_total', 'accepted'), of('lotus_e2ee_key_uploads_total', 'conflict')],
      claims: [of('lotus_e2ee_key_claims_total', 'one_time'), of('lotus_e2ee_key_claims_total', 'fallback')],
      sends: [of('lotus_e2ee_to_device_sends_total', 'm.x', 'ok'), of('lotus_e2ee_to_device_sends_total', 'm.x', 'failed')],
      messages: of('lotus_e2ee_to_device_messages_total', 'returned'),
      timeouts: of('lotus_e2ee_delayed_event_client_timeouts_total', 'unknown'),
      lines: of('lotus_e2ee_watch_log_lines_total', 'homeserver.log'),
    }).toEqual({
      conflicts: 1,
      uploads: [1, 1],
      claims: [1, 1],
      sends: [1, 1],
      messages: 2,
      timeouts: 1,
      lines: reading.stream.counts.lines,
    });
    // The latency of the homeserver: everything but long polls and other waits by design.
    const { counts } = reading.pipeline.metrics.histogram('lotus_e2ee_homeserver_request_duration_seconds');
    expect(counts.reduce((all, count) => all + count, 0)).toBe(5 + 6);
  });
});

describe('several sources', () => {
  it('have their own numbers, restarts and names, and one set of devices', () => {
    const facts: string[] = [];
    const pipeline = new Pipeline({
      rules: BUILT_IN_RULES,
      metrics: new MetricStore(),
      onFact: ({ kind, provenance }) => {
        if (kind !== 'latency_slice') facts.push(`${provenance.source} ${provenance.requestId}`);
      },
    });
    const [main, worker] = ['homeserver.log', 'worker1.log'].map((name) => pipeline.addSource({ name, timeZone: 'UTC' })) as [
      LogReading['stream'],
      LogReading['stream'],
    ];
    feed(main, Buffer.from(renderLog([...requests(0, 7), ...requests(8, 2000), offer('POST-7')])));
    feed(worker, Buffer.from(renderLog([offer('POST-7', BOB), answer('POST-7'), ...requests(0, 5)])));
    feed(main, Buffer.from(renderLog([answer('POST-7')])));
    pipeline.end();
    expect(facts).toEqual(['worker1.log POST-7', 'homeserver.log POST-7']);
    expect(pipeline.devices.list().map(({ deviceId, keyUploads }) => [deviceId, keyUploads.accepted])).toEqual([
      ['ALICEDEVIC', 1],
      ['BOBDEVICE1', 1],
    ]);
    expect([main.incarnations, worker.incarnations]).toEqual([1, 1]);
  });
});

describe('new rules', () => {
  it('hold for records from then on, also for the one that is just held; open joins keep what they have', () => {
    const log = Buffer.from(renderLog([offer('POST-1'), refusal('POST-1')]));
    const rest = Buffer.from(renderLog([answer('POST-1', 400)]));
    const pipeline = new Pipeline({ rules: BUILT_IN_RULES, metrics: new MetricStore() });
    const stream = pipeline.addSource({ name: 's', timeZone: 'UTC' });
    // The second record is held when the rules change.
    const done = stream.read(log, log.length);
    expect(done).toBeLessThan(log.length);
    pipeline.replaceRules(BUILT_IN_RULES);
    const bytes = Buffer.concat([log.subarray(done), rest]);
    expect(stream.read(bytes, bytes.length)).toBe(bytes.length);
    pipeline.end();
    expect(pipeline.devices.list()).toMatchObject([{ deviceId: 'ALICEDEVIC', keyUploads: { conflict: 1 }, conflictCount: 1 }]);
  });
});
