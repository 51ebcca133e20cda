/**
 * Draws every dashboard with Grafana's own front-end libraries in a real Chromium, from the committed JSON and a history recorded from
 * captures. In: nothing. Out: PNGs in deploy/grafana/images. See deploy/grafana/README.md for how to run it and for what isn't Grafana's.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { loadCapture } from '../../daemon/demo/capture.ts';
import { DASHBOARDS, fileName } from '../../deploy/grafana/source/dashboards.ts';
import type { Dashboard } from '../../deploy/grafana/source/model.ts';
import { panels } from '../deploy/grafana/dashboard-rules.ts';
import { askPanel, type TimeSpan } from '../deploy/grafana/panel-data.ts';
import { readCapture, recordHistory, STEP_MS, stepCount, synapseHistory } from '../deploy/grafana/recorded-history.ts';
import { DEPLOY } from '../deploy/known-metrics.ts';
import { type RunningServer, startPrometheus } from '../testbench/debian-servers.ts';

const HERE = import.meta.dirname;
const CORPUS = join(HERE, '../../../shared/corpus');
const IMAGES = join(DEPLOY, 'grafana/images');
const CAPTURES = ['mixed-two-storms', 'ke4-slow-homeserver', 'ke4-client-abort-healthy', 'ke4-rate-limited', 'to-device-9533'];
const WIDTH = 1300;
/** Of the page, as Grafana's grid has it: rows of 30 px with 8 px between, and room for the heading. */
const ROW_PX = 38;
const HEADING_PX = 60;

/** What somebody would have chosen to look at each. */
const CHOICES: Readonly<Record<string, { readonly instance: string; readonly untilStep?: number }>> = {
  'lotus-e2ee-overview': { instance: '.+', untilStep: 29 },
  'lotus-e2ee-one-time-keys': { instance: '.+', untilStep: 29 },
  'lotus-e2ee-device': { instance: 'demo', untilStep: 29 },
};

const folder = mkdtempSync(join(tmpdir(), 'lotus-render-'));
let prometheus: RunningServer | null = null;
const pages = await servePages();
try {
  const captures = [{ name: 'demo', capture: loadCapture() }, ...CAPTURES.map((name) => readCapture(CORPUS, name))];
  const steps = stepCount(captures);
  const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - 3_600_000;
  writeFileSync(join(folder, 'history.om'), `${await recordHistory(captures, startMs, folder)}${synapseHistory(startMs, steps)}# EOF\n`);
  run('promtool', 'tsdb', 'create-blocks-from', 'openmetrics', '--quiet', join(folder, 'history.om'), join(folder, 'data'));
  writeFileSync(join(folder, 'prometheus.yml'), 'scrape_configs: []\n');
  prometheus = await startPrometheus({
    configFile: join(folder, 'prometheus.yml'),
    dataFolder: join(folder, 'data'),
    flags: ['--storage.tsdb.retention.time=1y'],
  });
  bundlePage();
  mkdirSync(IMAGES, { recursive: true });
  for (const { uid } of DASHBOARDS) {
    const dashboard = JSON.parse(readFileSync(join(DEPLOY, 'grafana/dashboards', `${uid}.json`), 'utf8')) as Dashboard;
    const { instance, untilStep = steps - 1 } = CHOICES[uid] ?? { instance: '.+' };
    const span = { from: startMs / 1000, to: (startMs + untilStep * STEP_MS) / 1000, step: STEP_MS / 1000 };
    await draw(prometheus, pages, dashboard, span, instance);
  }
} finally {
  await prometheus?.stop();
  pages.server.close();
  rmSync(folder, { recursive: true, force: true });
}

interface Pages {
  readonly url: string;
  readonly server: Server;
}

/** The pages, and Grafana's icons where its components look for them. On loopback: from a file they may not be read. */
async function servePages(): Promise<Pages> {
  const icons = join(HERE, 'node_modules/@grafana/ui/dist/public/img/icons');
  const types: Readonly<Record<string, string>> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
  };
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const icon = /^\/public\/(?:build\/)?img\/icons\/(.+)$/.exec(path)?.[1];
    const file = icon === undefined ? join(folder, path) : join(icons, icon);
    if (!existsSync(file)) response.writeHead(404).end();
    else response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function run(program: string, ...parameters: string[]): void {
  const { status, stdout, stderr } = spawnSync(program, parameters, { cwd: HERE, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stdout}${stderr}`);
}

/** Without holding up this process, which serves the pages. */
async function runBeside(program: string, ...parameters: string[]): Promise<void> {
  const child = spawn(program, parameters, { stdio: 'ignore' });
  const status = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}

function bundlePage(): void {
  const loaders = ['svg', 'woff', 'woff2', 'ttf'].map((extension) => `--loader:.${extension}=dataurl`);
  run(
    'node_modules/.bin/esbuild',
    'page.tsx',
    '--bundle',
    '--minify',
    `--outfile=${join(folder, 'page.js')}`,
    '--jsx=automatic',
    '--define:global=window',
    '--define:process.env.NODE_ENV="production"',
    ...loaders,
  );
}

async function draw(server: RunningServer, pages: Pages, dashboard: Dashboard, span: TimeSpan, instance: string): Promise<void> {
  const variables = { job: '.+', instance, server_name: '.*', user_id: '@rosa:matrix.example.org', device_id: 'MSLNKEIKTS' };
  const answers: Record<number, unknown> = {};
  for (const panel of panels(dashboard)) answers[panel.id] = await askPanel(server, panel, variables, span);
  const page = join(folder, `${dashboard.uid}.html`);
  // The numbers stand in a script of their own; `<` must not end it.
  const script = Object.entries({ DASHBOARD: dashboard, ANSWERS: answers, SPAN: span, WIDTH })
    .map(([name, value]) => `window.${name} = ${JSON.stringify(value).replaceAll('<', '\\u003c')};`)
    .join('\n');
  writeFileSync(
    page,
    `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><body style="margin:0"><div id="root"></div><script>${script}</script><script src="page.js"></script>`,
  );
  const height = HEADING_PX + ROW_PX * Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  const image = join(IMAGES, fileName(dashboard).replace('.json', '.png'));
  await runBeside(
    'chromium',
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    `--user-data-dir=${join(folder, 'chromium')}`,
    `--window-size=${WIDTH},${height}`,
    '--virtual-time-budget=8000',
    `--screenshot=${image}`,
    `${pages.url}/${dashboard.uid}.html`,
  );
  // A picture of a dashboard has few colours: a third of the size.
  run('pngquant', '--force', '--skip-if-larger', '--ext=.png', '64', image);
  process.stdout.write(`${image}\n`);
}
