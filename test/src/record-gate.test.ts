/** Forged records through the whole pipeline: counted, shown, and nothing rests on them. */
import { describe, expect, it } from 'vitest';
import { readLog } from './facts/read-log.ts';
import {
  accessEntry,
  type LogEntry,
  offerEntry,
  refusalEntry,
  renderLog,
  START_MS,
  signedKey,
  syncEntry,
  UPLOAD_URI,
} from './records/log-lines.ts';

const VICTIM = { userId: '@victim:hs', deviceId: 'VICTIMDEVI' };
const KEY = 'signed_curve25519:AAAAAAAAAA0';
const LOGIN = '/_matrix/client/v3/login';
const at = (offsetMs: number, request: string) => ({ timeMs: START_MS + offsetMs, request });

/** A genuine device, some traffic before, and room for what follows. */
const before: readonly LogEntry[] = [
  ...Array.from({ length: 10 }, (_, i) => accessEntry(at(i, `GET-${i}`), {})),
  offerEntry(at(20, 'POST-10'), VICTIM, [KEY]),
  accessEntry(at(25, 'POST-10'), { uri: UPLOAD_URI, requester: VICTIM.userId }),
];
const forgedUpload = (timeMs: number, request: string): readonly LogEntry[] => [
  offerEntry(at(timeMs, request), VICTIM, [KEY]),
  refusalEntry(at(timeMs, request), KEY, { oldKey: signedKey('OLD', VICTIM), newKey: "{'key': 'N'}" }),
  accessEntry(at(timeMs + 1, request), { uri: UPLOAD_URI, status: 400, requester: VICTIM.userId }),
];
const textOf = (entries: readonly LogEntry[]) => renderLog(entries).trimEnd();

function loginError(error: string, status: number, sizeBytes: number, isGone = false): readonly LogEntry[] {
  const message = `<XForwardedForRequest at 0x1 method='POST' uri='${LOGIN}' clientproto='HTTP/1.1' site='8008'> SynapseError: ${status} - ${error}`;
  return [
    { ...at(100, 'POST-11'), logger: 'synapse.http.server', level: 'INFO', message },
    accessEntry(at(110, 'POST-11'), { uri: LOGIN, requester: 'None', status, size: sizeBytes, isGone }),
  ];
}
const after: readonly LogEntry[] = Array.from({ length: 5 }, (_, i) => accessEntry(at(200 + i, `GET-${12 + i}`), {}));

function found(entries: readonly LogEntry[], layout?: Parameters<typeof renderLog>[1]) {
  const { pipeline } = readLog(renderLog(entries, layout));
  const [device] = pipeline.devices.list();
  const sums = pipeline.metrics.sums();
  return {
    untrusted: pipeline.traffic.untrusted,
    counted: sums['lotus_e2ee_untrusted_records_total'],
    refusals: device?.conflictCount,
    conflicts: sums['lotus_e2ee_otk_conflicts_total'],
    ofDevice: device?.untrusted,
    incidents: pipeline.incidents().length,
  };
}

describe('a refusal that somebody wrote into the log', () => {
  const error = (forged: readonly LogEntry[]) => `Unknown login type x\n${textOf(forged)}`;
  const nobody = { refusals: 0, conflicts: 0, incidents: 0 };

  it.each<[string, readonly LogEntry[]]>([
    ['at another time, with a number far off', forgedUpload(-50_000, 'POST-777')],
    ['at the very time, with the very next number', forgedUpload(105, 'POST-12')],
  ])('%s: the answer’s size gives it away', (_, forged) => {
    const text = error(forged);
    expect(found([...before, ...loginError(text, 400, JSON.stringify(text).length + 32), ...after])).toEqual({
      ...nobody,
      untrusted: 3,
      counted: 3,
      ofDevice: 1,
    });
  });

  it('by a client that hung up, with a plausible number, is not believed either', () => {
    expect(found([...before, ...loginError(error(forgedUpload(105, 'POST-12')), 400, 0, true), ...after])).toEqual({
      ...nobody,
      untrusted: 3,
      counted: 3,
      ofDevice: 1,
    });
  });

  it('as the kind of an identifier ends where its address stands', () => {
    const medium: LogEntry = {
      ...at(100, 'POST-11'),
      logger: 'synapse.handlers.auth',
      level: 'WARNING',
      message: `unknown 3pid identifier medium x\n${textOf(forgedUpload(90, 'POST-12'))}, address 'a'`,
    };
    expect(found([...before, medium, ...loginError('Invalid username or password', 403, 64), ...after])).toMatchObject({
      ...nobody,
      untrusted: 3,
    });
  });

  it('does not make a device, nor a banner a new process', () => {
    const other = { userId: '@other:hs', deviceId: 'OTHER' };
    const text = error([
      offerEntry(at(90, 'POST-12'), other, [KEY]),
      { ...at(90, 'main'), logger: 'synapse.config.logger', level: 'WARNING', message: '***** STARTING SERVER *****' },
      { ...at(90, 'main'), logger: 'synapse.config.logger', level: 'WARNING', message: 'Server /x version 1.155.0' },
    ]);
    const reading = readLog(renderLog([...before, ...loginError(text, 400, JSON.stringify(text).length + 32), ...after]));
    expect([reading.pipeline.devices.list().map(({ deviceId }) => deviceId), reading.stream.incarnations]).toEqual([['VICTIMDEVI'], 1]);
    expect(reading.facts.some((fact) => fact.kind === 'server_event')).toBe(false);
  });

  it('in a JSON log is text of one record', () => {
    const text = error(forgedUpload(105, 'POST-12'));
    expect(found([...before, ...loginError(text, 400, JSON.stringify(text).length + 32), ...after], 'JSON, terse')).toEqual({
      ...nobody,
      untrusted: 0,
      counted: 0,
      ofDevice: 0,
    });
  });
});

describe('genuine records behind an error', () => {
  it('go on as they were, whatever pieces the log comes in', () => {
    const upload = forgedUpload(102, 'POST-12');
    const [error, answer] = loginError('Invalid username or password', 403, 64) as [LogEntry, LogEntry];
    const log = renderLog([...before, error, syncEntry(at(101, 'GET-13'), VICTIM), ...upload, answer, ...after.slice(2)]);
    const whole = readLog(log);
    expect(whole.pipeline.devices.list()[0]).toMatchObject({ conflictCount: 1, untrusted: 0 });
    for (const size of [1, 7, 300, 4001]) {
      const pieces = readLog(log, { sizes: [size] });
      expect([pieces.stream.counts, pieces.pipeline.metrics.sums()]).toEqual([whole.stream.counts, whole.pipeline.metrics.sums()]);
    }
  });
});
