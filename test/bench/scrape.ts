/**
 * How long a scrape takes: the real server over HTTP on loopback, in both formats, with 2,000 series (what the default bound of 500 devices
 * comes to at most in a small installation) and with 10,000. In: nothing. Out: a table on stdout; asked for are 15 ms and 60 ms.
 *
 * Each row is one interleaved run: formats and sizes take turns, so that what else the machine does hits all of them.
 */
import { createHttpServer } from '../../daemon/http/server.ts';
import { fullMetrics } from '../testbench/full-metrics.ts';

const SIZES = [2_000, 10_000] as const;
const FORMATS = { text: 'text/plain', openmetrics: 'application/openmetrics-text;version=1.0.0' } as const;
const RUNS = 60;
/** Chosen: by then the code is compiled. The very first scrape is reported by itself. */
const WARM_UP = 10;

interface Row {
  readonly size: number;
  readonly format: keyof typeof FORMATS;
  readonly url: string;
  readonly times: number[];
  lines: number;
  bytes: number;
}

const servers: { close(): Promise<void> }[] = [];
const rows: Row[] = [];
const state = { path: '', committedMs: null, problem: null };
for (const size of SIZES) {
  const store = fullMetrics(size);
  const view = { version: 'bench', startedMs: Date.now(), ready: { isReady: true, isReplaying: false, reason: '' }, sources: [], state };
  const server = createHttpServer({ listen: { host: '127.0.0.1', port: 0 }, store, status: () => view });
  const { port } = await server.start();
  servers.push(server);
  for (const format of Object.keys(FORMATS) as (keyof typeof FORMATS)[])
    rows.push({ size, format, url: `http://127.0.0.1:${port}/metrics`, times: [], lines: 0, bytes: 0 });
}
for (let n = 0; n < RUNS; n++) for (const row of rows) await scrape(row);
for (const server of servers) await server.close();
process.stdout.write(
  '| series | format | bytes | first | best | median | p95 | asked for |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n',
);
for (const row of rows) process.stdout.write(describe(row));

async function scrape(row: Row): Promise<void> {
  const beganMs = performance.now();
  const body = await (await fetch(row.url, { headers: { Accept: FORMATS[row.format] } })).text();
  row.times.push(performance.now() - beganMs);
  row.bytes = body.length;
  row.lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

function describe({ size, format, times, lines, bytes }: Row): string {
  const [first = 0] = times;
  const warm = times.slice(WARM_UP).sort((a, b) => a - b);
  const at = (share: number): number => warm[Math.floor(share * (warm.length - 1))] ?? 0;
  const numbers = [first, at(0), at(0.5), at(0.95)].map((time) => `${time.toFixed(1)} ms`).join(' | ');
  return `| ${lines} | ${format} | ${bytes} | ${numbers} | ${size === SIZES[0] ? 15 : 60} ms |\n`;
}
