/**
 * Debian's Prometheus and Alertmanager, started on loopback and ended by their process; and a receiver of notifications.
 *
 * In: configuration files. Out: where they listen, and what they answer. Invariant: what was started is ended by `stop`, whatever the test did.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RunningServer {
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  /** All it has written, for the message of a failed test. */
  log(): string;
  stop(): Promise<void>;
}

/** Between two looks, in milliseconds. */
const POLL_MS = 100;

/** Chosen: a loaded machine; a server is up in one second otherwise. */
const START_DEADLINE_MS = 30_000;

export interface PrometheusOptions {
  readonly configFile: string;
  readonly dataFolder: string;
  readonly flags?: readonly string[];
}

export async function startPrometheus({ configFile, dataFolder, flags = [] }: PrometheusOptions): Promise<RunningServer> {
  const port = await freePort();
  return startServer(port, 'prometheus', [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${dataFolder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    ...flags,
  ]);
}

export async function startAlertmanager(configFile: string, dataFolder: string): Promise<RunningServer> {
  const port = await freePort();
  return startServer(port, 'prometheus-alertmanager', [
    `--config.file=${configFile}`,
    `--storage.path=${dataFolder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    // Without this it opens a port for other Alertmanagers.
    '--cluster.listen-address=',
  ]);
}

/** One notification of Alertmanager, as its webhook has it (version 4). */
export interface Notification {
  /** Of the request: `/critical`. */
  readonly path: string;
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved';
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** A loopback receiver. `notifications` grows. */
export async function startReceiver(): Promise<RunningServer & { readonly notifications: readonly Notification[] }> {
  const notifications: Notification[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      notifications.push({ ...(JSON.parse(body) as Omit<Notification, 'path'>), path: request.url ?? '' });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    notifications,
    log: () => '',
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Asks again until it is so. Error with the deadline and what `describe` says where it never is. An answer that throws is "not yet". */
export async function until(
  what: string,
  deadlineMs: number,
  isSo: () => Promise<boolean> | boolean,
  describe: () => string = () => '',
): Promise<void> {
  let last = '';
  for (let waitedMs = 0; waitedMs < deadlineMs; waitedMs += POLL_MS) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(POLL_MS);
  }
  throw new Error(`${what}: not within ${deadlineMs} ms. ${last}\n${describe()}`);
}

/** The data of one answer of Prometheus' API; Error with its own words where it refuses. */
export async function askPrometheus<T>(
  { url }: Pick<RunningServer, 'url'>,
  path: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<T> {
  const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
  const answer = (await response.json()) as { readonly status: string; readonly data: T; readonly error?: string };
  if (answer.status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`);
  return answer.data;
}

/** Free at the time of asking; these servers can't take port 0 and tell. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function startServer(port: number, program: string, parameters: readonly string[]): Promise<RunningServer> {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  const server = { url: `http://127.0.0.1:${port}`, log: () => text, stop: () => end(child) };
  try {
    await until(
      `${program} is ready`,
      START_DEADLINE_MS,
      async () => {
        if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
        return (await fetch(`${server.url}/-/ready`)).ok;
      },
      server.log,
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
