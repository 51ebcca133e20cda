/**
 * What the outside can ask of the daemon, over HTTP: metrics, health, status.
 *
 * In: the metric store and a function that says how the daemon stands. Out: answers to GET and HEAD; nothing here changes anything.
 * Invariants: each answer carries the security headers; /metrics answers 503 while a replay runs, so that counters never step back
 * (design.md 5); no capability, address or message text of the log leaves through here (status-view.ts names what does).
 */

import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Context } from 'hono';
import { Hono } from 'hono';
import type { MetricStore } from '../../src/metrics/metric-store.ts';
import { updateProcessMetrics } from './process-metrics.ts';
import { chooseFormat, renderMetrics } from './registry.ts';
import { renderStatusPage, STATUS_PAGE_STYLE } from './status-page.ts';
import type { StatusView } from './status-view.ts';
import { createStatusReport } from './status-view.ts';

export interface ListenAddress {
  /** Name or address without brackets. Example `127.0.0.1`, `::1`. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  /** A socket that listens already (systemd's socket activation); taken in place of `listen`. */
  readonly descriptor?: number;
  readonly store: MetricStore;
  /** Called at each request that needs it; must be quick. */
  readonly status: () => StatusView;
  /** Called when values are worked out and before they are answered: what was once shown must outlive a crash, or a counter would step back. A promise is waited for. */
  readonly beforeShown?: () => unknown;
  /** Told of every failure while answering; the client only sees a 500. */
  readonly onError?: (error: unknown) => void;
  /** How long `close` waits for answers under way, in milliseconds. */
  readonly closeDeadlineMs?: number;
}

export interface HttpServer {
  /** Resolves to where it listens. Rejects with an Error that says what to change, its cause the system's error. */
  start(): Promise<ListenAddress>;
  /** Takes no more connections, ends idle ones, waits for answers under way, then cuts what is left. Never rejects. */
  close(): Promise<void>;
}

/** Chosen: a scrape takes 0.1 s at most, and systemd waits 90 s. */
const DEFAULT_CLOSE_DEADLINE_MS = 2000;

/** A client must have sent its headers within this, in milliseconds (chosen: they are a few hundred bytes). */
const HEADERS_TIMEOUT_MS = 10_000;

/** Chosen: more than any set of scrapers and people; keeps file descriptors for the logs. */
const MAX_CONNECTIONS = 200;

const TEXT = 'text/plain; charset=utf-8';

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `default-src 'none'; style-src '${hashSource(STATUS_PAGE_STYLE)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** A server that doesn't listen yet. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS }, getRequestListener(createApp(options).fetch));
  server.maxConnections = MAX_CONNECTIONS;
  return {
    start: () => listen(server, options),
    close: () => close(server, options.closeDeadlineMs ?? DEFAULT_CLOSE_DEADLINE_MS),
  };
}

function createApp({ store, status, beforeShown, onError }: HttpServerOptions): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.header(name, value);
  });
  const pages: Readonly<Record<string, (context: Context) => Response | Promise<Response>>> = {
    '/': (context) => context.html(renderStatusPage(createStatusReport(status(), store))),
    '/metrics': (context) => answerMetrics(context, store, status(), beforeShown),
    '/-/healthy': (context) => context.text('Healthy\n'),
    '/-/ready': (context) => answerReady(context, status()),
    '/api/v1/status': (context) => context.json(createStatusReport(status(), store)),
  };
  for (const [path, answer] of Object.entries(pages)) {
    // HEAD comes in as GET: hono answers it and leaves the body out.
    app.get(path, answer);
    app.all(path, (context) => context.text('Method not allowed\n', 405, { Allow: 'GET, HEAD' }));
  }
  app.notFound((context) => context.text('Not found\n', 404));
  app.onError((error, context) => {
    onError?.(error);
    return context.text('Internal error\n', 500);
  });
  return app;
}

async function answerMetrics(
  context: Context,
  store: MetricStore,
  view: StatusView,
  beforeShown: HttpServerOptions['beforeShown'],
): Promise<Response> {
  if (!view.ready.isReady && view.ready.isReplaying) return answerReady(context, view);
  updateProcessMetrics(store, view.startedMs);
  const { contentType, body } = await renderMetrics(store, chooseFormat(context.req.header('accept')));
  await beforeShown?.();
  return context.body(body, 200, { 'Content-Type': contentType });
}

function answerReady(context: Context, { ready }: StatusView): Response {
  if (ready.isReady) return context.text('Ready\n');
  return context.body(`Not ready: ${ready.reason}\n`, 503, { 'Content-Type': TEXT });
}

function listen(server: Server, { listen: { host, port }, descriptor, onError }: HttpServerOptions): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => reject(new Error(describeListenError(host, port, cause), { cause }));
    server.once('error', refuse);
    server.listen(descriptor === undefined ? { host, port } : { fd: descriptor }, () => {
      server.off('error', refuse);
      // Later ones (no descriptor left for a connection) must not end the daemon, as an `error` event that nobody hears would.
      server.on('error', (error) => onError?.(error));
      // It is a string for a socket file and null when not listening: neither can be here.
      const { address, port: actualPort } = server.address() as AddressInfo;
      resolve({ host: address, port: actualPort });
    });
  });
}

function describeListenError(host: string, port: number, { code, message }: NodeJS.ErrnoException): string {
  const at = `Cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (code === 'EADDRINUSE') return `${at}: address already in use, expected a free port (set "listen")`;
  if (code === 'EACCES') return `${at}: permission denied, expected a port from 1024 up (set "listen")`;
  if (code === 'EADDRNOTAVAIL') return `${at}: this machine does not have that address, expected one of its own (set "listen")`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${at}: host name not found, expected an address or a known name (set "listen")`;
  return `${at}: ${message}, expected an address and a free port (set "listen")`;
}

function close(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    // Since Node 19 this ends idle keep-alive connections at once, and the others after their answer. Its only error is "not running".
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
}

/** A source expression of a content security policy for one inline text (CSP level 3, 2.3.1). */
function hashSource(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
}
