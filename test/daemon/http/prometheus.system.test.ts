/**
 * A real Prometheus scrapes the real server, in both formats, and is asked what it stored.
 *
 * Prometheus 2.42 always asks for OpenMetrics first and has no setting for it (`scrape_protocols` came with 2.49), so the second job
 * scrapes through a proxy that takes the Accept header off.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../daemon/http/server.ts';
import { createHttpServer } from '../../../daemon/http/server.ts';
import { askPrometheus, type RunningServer, startPrometheus, until } from '../../testbench/debian-servers.ts';
import { reasonToSkip } from './debian-binary.ts';
import { createSampleStore, HOSTILE_IDS, HOSTILE_LABEL } from './sample-store.ts';

/** Chosen: a loaded machine. */
const DEADLINE_MS = 30_000;
const JOBS = ['openmetrics', 'text'] as const;
const skipped = reasonToSkip('prometheus', 'prometheus');

interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

describe.skipIf(skipped !== '')(`Prometheus${skipped && ` (skipped: ${skipped})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lotus-prometheus-'));
  const store = createSampleStore(3 + HOSTILE_IDS.length);
  /** Content types that went through the proxy. */
  const proxied = new Set<string>();
  let server: HttpServer;
  let proxy: Server;
  let prometheus: RunningServer;

  beforeAll(async () => {
    const view = {
      version: '0.1.0',
      startedMs: Date.now(),
      ready: { isReady: true, isReplaying: false, reason: '' },
      sources: [],
      state: { path: '', committedMs: null, problem: null },
    };
    server = createHttpServer({ listen: { host: '127.0.0.1', port: 0 }, store, status: () => view });
    const { port } = await server.start();
    HOSTILE_IDS.forEach(([, id], index) => {
      store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', id, `HOSTILE${index}`, 0).add(index + 1);
    });
    proxy = createTextOnlyProxy(port, proxied);
    const proxyPort = await listenAnywhere(proxy);
    const job = (name: string, target: number): string => `- {job_name: ${name}, static_configs: [{targets: ['127.0.0.1:${target}']}]}`;
    const config = `global: {scrape_interval: 1s}\nscrape_configs:\n${job('openmetrics', port)}\n${job('text', proxyPort)}\n`;
    writeFileSync(join(folder, 'prometheus.yml'), config);
    prometheus = await startPrometheus({
      configFile: join(folder, 'prometheus.yml'),
      dataFolder: join(folder, 'data'),
      flags: ['--enable-feature=exemplar-storage'],
    });
    await until('both jobs are up', DEADLINE_MS, async () => (await query('up == 1')).length === JOBS.length);
  });

  afterAll(async () => {
    await prometheus?.stop();
    proxy?.closeAllConnections();
    await new Promise<void>((resolve) => (proxy ? proxy.close(() => resolve()) : resolve()));
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function query(expression: string): Promise<readonly QueryResult[]> {
    return (await askPrometheus<{ result: QueryResult[] }>(prometheus, 'query', { query: expression })).result;
  }

  async function valuesOf(expression: string): Promise<readonly number[]> {
    return (await query(expression)).map(({ value }) => Number(value[1]));
  }

  it('scrapes one job in text, although it would rather have OpenMetrics', () => {
    expect([...proxied]).toEqual(['text/plain; version=0.0.4; charset=utf-8']);
  });

  it.each(JOBS)('stores the same values from %s as the store has', async (job) => {
    const own = `job="${job}"`;
    expect(await valuesOf(`lotus_e2ee_otk_conflicts_total{${own}}`)).toEqual([44]);
    expect(await valuesOf(`lotus_e2ee_watch_log_lines_total{${own},source="homeserver.log"}`)).toEqual([1234567]);
    expect(await valuesOf(`lotus_e2ee_watch_last_record_timestamp_seconds{${own}}`)).toEqual([1_782_820_800.25]);
    expect(await valuesOf(`sum(lotus_e2ee_device_otk_conflicts_total{${own},device_id!~"HOSTILE.+"})`)).toEqual([6]);
    expect(await valuesOf(`lotus_e2ee_device_storm_active{${own},device_id="PHONE",cause="identity_reset"}`)).toEqual([1]);
    expect(await valuesOf(`lotus_e2ee_active_storms{${own},cause="rollback"}`)).toEqual([0]);
  });

  it.each(JOBS)('finds histogram buckets of %s by their bound as printed', async (job) => {
    const buckets = `lotus_e2ee_delayed_event_request_duration_seconds_bucket{job="${job}",action="restart",outcome="ok"`;
    expect(await valuesOf(`${buckets},le="0.1"}`)).toEqual([0]);
    expect(await valuesOf(`${buckets},le="2.0"}`)).toEqual([2]);
    expect(await valuesOf(`${buckets},le="+Inf"}`)).toEqual([3]);
    expect(await valuesOf(`lotus_e2ee_delayed_event_request_duration_seconds_sum{job="${job}",action="restart",outcome="ok"}`)).toEqual([
      33.25,
    ]);
  });

  it.each(JOBS)('stores hostile user ids from %s as they were, each once', async (job) => {
    const result = await query(`lotus_e2ee_device_otk_conflicts_total{job="${job}",device_id=~"HOSTILE.+"}`);
    const stored = result.map(({ metric, value }) => [metric['device_id'], metric['user_id'] ?? '', value[1]]);
    // A label without text is the same as none to Prometheus.
    expect(stored.sort()).toEqual(HOSTILE_IDS.map(([, , expected], index) => [`HOSTILE${index}`, expected, `${index + 1}`]).sort());
  });

  it.each(JOBS)('stores a hostile label from %s as it was', async (job) => {
    const result = await query(`lotus_e2ee_watch_unrecognised_total{job="${job}"}`);
    expect(result.map(({ metric, value }) => [metric['reason'], value[1]])).toEqual([[HOSTILE_LABEL, '3']]);
  });

  it('stores the same series from both jobs, and none of other names', async () => {
    const names = async (job: string): Promise<string[]> => {
      const result = await query(`count by (__name__) ({job="${job}",__name__=~"lotus.*|process.*"})`);
      return result.map(({ metric, value }) => `${metric['__name__']} ${value[1]}`).sort();
    };
    const fromText = await names('text');
    expect(fromText).toEqual(await names('openmetrics'));
    expect(fromText.length).toBeGreaterThan(40);
  });

  it('stores exemplars, with the log time as their time where it is known', async () => {
    const day = { start: '1782777600', end: `${Date.now() / 1000 + 3600}` };
    let found: readonly { labels: Record<string, string>; value: string; timestamp: number }[] = [];
    await until('exemplars', DEADLINE_MS, async () => {
      const series = await askPrometheus<{ exemplars: typeof found }[]>(prometheus, 'query_exemplars', {
        query: 'lotus_e2ee_delayed_event_request_duration_seconds_bucket',
        ...day,
      });
      found = series.flatMap(({ exemplars }) => exemplars);
      return found.length >= 2;
    });
    const byId = new Map(found.map((exemplar) => [exemplar.labels['request_id'], exemplar]));
    // Prometheus 2.42 keeps the escapes of exemplar labels (its parser unescapes labels of series only), which is harmless.
    const escaped = HOSTILE_LABEL.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    const hostileId = byId.has(escaped) ? escaped : HOSTILE_LABEL;
    expect([...byId.keys()].sort()).toEqual(['POST-1234', hostileId]);
    expect(byId.get('POST-1234')).toMatchObject({ value: '0.25', timestamp: 1_782_820_800 });
    expect(byId.get(hostileId)).toMatchObject({ value: '2' });
  });

  it('goes on with counts made between scrapes', async () => {
    store.counter('lotus_e2ee_key_claims_total', 'fallback').add(5);
    await until(
      'the new count',
      DEADLINE_MS,
      async () => (await query('lotus_e2ee_key_claims_total{kind="fallback"} == 5')).length === JOBS.length,
    );
  });

  it('has no scrape that failed, and nothing to complain about', async () => {
    expect(await valuesOf('min_over_time(up[10m])')).toEqual([1, 1]);
    const answer = (await (await fetch(`${prometheus.url}/api/v1/targets`)).json()) as { data: { activeTargets: { lastError: string }[] } };
    expect(answer.data.activeTargets.map(({ lastError }) => lastError)).toEqual(['', '']);
    expect(
      prometheus
        .log()
        .split('\n')
        .filter((line) => /level=(?:warn|error)/.test(line)),
    ).toEqual([]);
  });
});

/** Passes GETs on without their Accept header. */
function createTextOnlyProxy(port: number, contentTypes: Set<string>): Server {
  return createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    const onward = request({ host: '127.0.0.1', port, path }, (response) => {
      contentTypes.add(`${response.headers['content-type']}`);
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    onward.end();
  });
}

async function listenAnywhere(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
