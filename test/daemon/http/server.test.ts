import { createHash } from 'node:crypto';
import { Agent, get, request } from 'node:http';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../daemon/http/server.ts';
import { createHttpServer } from '../../../daemon/http/server.ts';
import type { Headline, SourceView, StatusReport, StatusView } from '../../../daemon/http/status-view.ts';
import { createStatusReport } from '../../../daemon/http/status-view.ts';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import type { MetricStore } from '../../../src/metrics/metric-store.ts';
import { parseExposition } from './parse-exposition.ts';
import { createSampleStore } from './sample-store.ts';

const SOURCE: SourceView = {
  name: 'homeserver.log',
  path: '/var/log/matrix-synapse/homeserver.log',
  format: 'text',
  lines: 1234567,
  bytes: 200_000_000,
  records: 1234000,
  accessLines: 1_000_000,
  unrecognised: 3,
  unreadBytes: 512,
  lastRecordMs: 1_782_820_800_250,
  state: 'following',
};
const READY: StatusView = {
  version: '0.1.0',
  startedMs: 1_782_820_000_000,
  ready: { isReady: true, isReplaying: false, reason: '' },
  sources: [SOURCE],
  state: { path: '/var/lib/lotus-e2ee-watch/state.sqlite', committedMs: 1_782_820_799_000, problem: null },
};
const REPLAYING: StatusView = {
  ...READY,
  ready: { isReady: false, isReplaying: true, reason: 'replaying homeserver.log: 12 of 40 bytes' },
};
const NO_FILE: StatusView = { ...READY, ready: { isReady: false, isReplaying: false, reason: 'no log file is open' } };

let view: StatusView;
let status: () => StatusView;
let store: MetricStore;
let errors: unknown[];
let server: HttpServer;
let port: number;

beforeEach(async () => {
  view = READY;
  status = () => view;
  store = createSampleStore();
  errors = [];
  const onError = (error: unknown): void => void errors.push(error);
  server = createHttpServer({ listen: { host: '127.0.0.1', port: 0 }, store, status: () => status(), onError, closeDeadlineMs: 200 });
  port = (await server.start()).port;
});

afterEach(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(path: string, method = 'GET', headers: Record<string, string> = {}, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, ...(agent && { agent }) };
    const outgoing = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('/metrics', () => {
  it('gives text unless OpenMetrics is asked for, each with its content type', async () => {
    const text = await ask('/metrics');
    expect([text.status, text.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const openMetrics = await ask('/metrics', 'GET', { accept: 'application/openmetrics-text;version=1.0.0' });
    expect([openMetrics.status, openMetrics.headers['content-type']]).toEqual([
      200,
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    ]);
    expect(parseExposition(text.body, 'text').get('lotus_e2ee_otk_conflicts_total')?.samples).toEqual([
      { name: 'lotus_e2ee_otk_conflicts_total', labels: {}, value: 44 },
    ]);
    expect(parseExposition(openMetrics.body, 'openmetrics').size).toBe(parseExposition(text.body, 'text').size);
  });

  it('measures the process itself', async () => {
    const before = process.cpuUsage();
    const families = parseExposition((await ask('/metrics')).body, 'text');
    const after = process.cpuUsage();
    const gaugeOf = (name: string): number => families.get(name)?.samples[0]?.value ?? NaN;
    expect(gaugeOf('process_start_time_seconds')).toBe(1_782_820_000);
    expect(gaugeOf('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(gaugeOf('process_cpu_seconds_total')).toBeGreaterThanOrEqual((before.user + before.system) / 1e6);
    expect(gaugeOf('process_cpu_seconds_total')).toBeLessThanOrEqual((after.user + after.system) / 1e6);
    expect(gaugeOf('process_open_fds')).toBeGreaterThan(3);
    expect(gaugeOf('process_max_fds')).toBeGreaterThanOrEqual(gaugeOf('process_open_fds'));
  });

  it('waits for the end of a replay, and says how far it is', async () => {
    view = REPLAYING;
    const answer = await ask('/metrics');
    expect([answer.status, answer.body]).toEqual([503, 'Not ready: replaying homeserver.log: 12 of 40 bytes\n']);
    view = READY;
    expect((await ask('/metrics')).status).toBe(200);
  });

  it('is there while the daemon is not ready for another reason: how else would Prometheus learn it', async () => {
    view = NO_FILE;
    expect((await ask('/metrics')).status).toBe(200);
  });
});

it.each([
  ['/-/healthy', READY, 200, 'Healthy\n'],
  ['/-/healthy', REPLAYING, 200, 'Healthy\n'],
  ['/-/ready', READY, 200, 'Ready\n'],
  ['/-/ready', REPLAYING, 503, 'Not ready: replaying homeserver.log: 12 of 40 bytes\n'],
  ['/-/ready', NO_FILE, 503, 'Not ready: no log file is open\n'],
])('%s answers by how the daemon stands (%#)', async (path, stands, status, body) => {
  view = stands;
  expect(await ask(path)).toMatchObject({ status, body });
});

it('/api/v1/status says how the daemon stands and what it found', async () => {
  const answer = await ask('/api/v1/status');
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  const { headline, ...rest } = JSON.parse(answer.body) as StatusReport;
  expect(rest).toEqual({ schema: 'lotus-e2ee-watch/status@1', ...READY });
  expect(headline.otkConflicts).toBe(44);
  expect(headline.toDeviceMessages).toEqual({ stored: 0, returned: 0, dropped: 0 });
  expect(headline.delayedEventRequests).toEqual({ ok: 3, client_gave_up: 0, rate_limited: 0, not_found: 0, failed: 0 });
  expect(headline.delayedEventClientTimeouts).toEqual({ homeserver_slow: 0, homeserver_healthy: 0, unknown: 0 });
});

it.each([
  ['lotus_e2ee_active_storms', ({ activeStorms }: Headline) => activeStorms, 1],
  ['lotus_e2ee_poisoned_claims_total', ({ poisonedClaims }: Headline) => poisonedClaims, 0],
  ['lotus_e2ee_delayed_event_drops_total', ({ delayedEventDrops }: Headline) => delayedEventDrops, 0],
  ['lotus_e2ee_untrusted_records_total', ({ untrustedRecords }: Headline) => untrustedRecords, 0],
  ['lotus_e2ee_devices', ({ devices }: Headline) => devices['storm'] ?? null, 0],
] as const)('what nothing counts yet is null in the headline, not 0: %s', async (name, read, value) => {
  const isFed = !CATALOGUE.some((spec) => spec.name === name && 'isNotYetFed' in spec);
  expect(read(createStatusReport(READY, store).headline)).toBe(isFed ? value : null);
});

it.each(['/', '/api/v1/status'])('%s shows only what it is made to show', async (path) => {
  const secret = 'syd_0123456789_capability';
  const hidden = { delayId: secret, txnId: secret };
  view = Object.assign({ ...READY, ready: { ...READY.ready, ...hidden }, sources: [{ ...SOURCE, ...hidden }] }, hidden);
  const answer = await ask(path);
  expect(answer.status).toBe(200);
  expect(answer.body).not.toContain(secret);
});

describe('status page', () => {
  it('shows sources, findings and the way to the rest', async () => {
    const { body, headers } = await ask('/');
    expect(headers['content-type']).toMatch(/^text\/html; charset=utf-8$/i);
    for (const text of ['Version 0.1.0', 'started <time datetime="2026-06-30T11:46:40.000Z">2026-06-30 11:46:40 UTC</time>']) {
      expect(body).toContain(text);
    }
    for (const text of ['/var/log/matrix-synapse/homeserver.log', '1,234,567', '200,000,000', '2026-06-30 12:00:00 UTC', '512']) {
      expect(body).toContain(text);
    }
    expect(body).toContain('<dt>conflicts</dt><dd><span class="bad">44</span></dd>');
    for (const link of ['/metrics', '/-/healthy', '/-/ready', '/api/v1/status']) expect(body).toContain(`href="${link}"`);
  });

  it('escapes whatever a path, a name or a reason holds', async () => {
    const hostile = `"><script>alert('x')</script>&amp;\ud800`;
    const source = { ...SOURCE, name: hostile, path: hostile, format: hostile, state: hostile };
    view = { ...NO_FILE, version: hostile, ready: { ...NO_FILE.ready, reason: hostile }, sources: [source] };
    const { body } = await ask('/');
    expect(body).not.toContain('<script');
    expect(body.split('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;\ufffd')).toHaveLength(7);
  });

  it('bears a start with nothing read yet, and times that are none', async () => {
    view = { ...NO_FILE, startedMs: NaN, sources: [{ ...SOURCE, lastRecordMs: null }] };
    expect((await ask('/')).body).toContain('<dt>last record</dt><dd>none yet</dd>');
    view = { ...NO_FILE, sources: [] };
    expect((await ask('/')).body).toContain('<p>None.</p>');
  });

  it('may use its own style and nothing else', async () => {
    const { body, headers } = await ask('/');
    const style = /<style>(.*)<\/style>/s.exec(body)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toContain(`default-src 'none'; style-src 'sha256-${hash}';`);
    expect(body).not.toMatch(/ style=|<script|<img|<link|https?:/);
  });
});

it.each(['/', '/metrics', '/-/healthy', '/-/ready', '/api/v1/status', '/nothing'])('%s has the security headers', async (path) => {
  for (const stands of [READY, REPLAYING]) {
    view = stands;
    const { headers } = await ask(path);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
  }
});

it.each(['/', '/metrics', '/-/healthy', '/-/ready', '/api/v1/status'])('%s answers HEAD like GET, without a body', async (path) => {
  const full = await ask(path);
  const head = await ask(path, 'HEAD');
  expect(head).toMatchObject({ status: 200, body: '' });
  expect(head.headers['content-type']).toBe(full.headers['content-type']);
  view = REPLAYING;
  expect((await ask('/-/ready', 'HEAD')).status).toBe(503);
});

it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is not allowed on what exists', async (method) => {
  for (const path of ['/', '/metrics', '/-/ready']) {
    const answer = await ask(path, method);
    expect(answer).toMatchObject({ status: 405, body: 'Method not allowed\n' });
    expect(answer.headers['allow']).toBe('GET, HEAD');
  }
});

it.each(['/metrics/', '/metrics2', '/..%2f', '/-/reload', '/index.html', '/%', '/api/v1/'])('%s is not found', async (path) => {
  expect(await ask(path)).toMatchObject({ status: 404, body: 'Not found\n' });
});

it('a failure while answering is told to the daemon, not to the client', async () => {
  const failure = new Error('path of a secret');
  status = () => {
    throw failure;
  };
  const answer = await ask('/-/ready');
  expect(answer).toMatchObject({ status: 500, body: 'Internal error\n' });
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
  expect(errors).toEqual([failure]);
});

describe('start', () => {
  it('says what to change when the port is in use', async () => {
    const second = createHttpServer({ listen: { host: '127.0.0.1', port }, store, status: () => view });
    await expect(second.start()).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port}: address already in use, expected a free port (set "listen")`,
    );
    await second.close();
    expect((await ask('/-/healthy')).status).toBe(200);
  });

  it.each([
    ['192.0.2.1', /^Cannot listen on 192\.0\.2\.1:0: this machine does not have that address/],
    ['no-such-host.invalid', /^Cannot listen on no-such-host\.invalid:0: .*\(set "listen"\)$/],
    ['2001:db8::1', /^Cannot listen on \[2001:db8::1\]:0: /],
  ])('says what to change when %s is no address of this machine', async (host, message) => {
    await expect(createHttpServer({ listen: { host, port: 0 }, store, status: () => view }).start()).rejects.toThrow(message);
  });
});

describe('close', () => {
  it('frees the port at once while keep-alive connections are idle', { timeout: 3000 }, async () => {
    const listening = createHttpServer({ listen: { host: '127.0.0.1', port: 0 }, store, status, closeDeadlineMs: 60_000 });
    const agent = new Agent({ keepAlive: true });
    ({ port } = await listening.start());
    await ask('/-/healthy', 'GET', {}, agent);
    await listening.close();
    const taken = createServer();
    await new Promise<void>((resolve, reject) => taken.once('error', reject).listen(port, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => taken.close(() => resolve()));
    agent.destroy();
  });

  it('cuts a client that does not end, at the deadline', async () => {
    const socket = await new Promise<Socket>((resolve) => {
      const opened = connect(port, '127.0.0.1', () => resolve(opened));
    });
    const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n');
    // An answer over another connection is the barrier: the server has taken the first one by then.
    await ask('/-/healthy');
    await server.close();
    await isClosed;
  });

  it('lets an answer under way be finished', async () => {
    const answer = new Promise<number>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/metrics' }, (response) => {
        const closing = server.close();
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
        });
        response.on('end', () => void closing.then(() => resolve(length)));
        response.on('error', reject);
      }).on('error', reject);
    });
    expect(await answer).toBeGreaterThan(10_000);
  });

  it('may come twice, or before the start', async () => {
    await server.close();
    await server.close();
    await createHttpServer({ listen: { host: '127.0.0.1', port: 0 }, store, status: () => view }).close();
  });
});
