/**
 * The watcher under torture, as systemd would keep it: started again whenever it ends. In: a configuration file. Out: a process that is killed, stopped, asked.
 *
 * It runs without the right to override permissions, so that root's tests are refused what a real watcher is refused.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const RESTART_MS = 100;
const MAIN = new URL('../../daemon/main.ts', import.meta.url).pathname;
/** util-linux. The bounding set limits what even root's programs get. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search'];

export class WatchedDaemon {
  readonly #configPath: string;
  readonly #port: number;
  readonly #output: string;
  #child: ChildProcess | undefined;
  #isWanted = true;
  /** Starts after the first one. */
  restarts = 0;
  /** Ends that nobody asked for, and that no fault explains. */
  readonly crashes: string[] = [];

  constructor(configPath: string, port: number, output: string) {
    this.#configPath = configPath;
    this.#port = port;
    this.#output = output;
  }

  start(): void {
    const output = fs.openSync(this.#output, 'a');
    const line = [process.execPath, MAIN, 'run', '--config', this.#configPath];
    const [command = '', ...words] = process.getuid?.() === 0 ? [...UNPRIVILEGED, ...line] : line;
    const child = spawn(command, words, { stdio: ['ignore', output, output], env: { ...process.env, TZ: 'UTC' } });
    fs.closeSync(output);
    this.#child = child;
    child.on('exit', (code, signal) => {
      // 1: it could not have its state (a folder that is read-only for a while) or its address.
      if (code !== null && code > 1) this.crashes.push(`exit code ${code}`);
      if (signal !== null && signal !== 'SIGKILL') this.crashes.push(`signal ${signal}`);
      if (!this.#isWanted) return;
      this.restarts++;
      setTimeout(() => {
        if (this.#isWanted) this.start();
      }, RESTART_MS);
    });
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (this.isRunning) this.#child?.kill(name);
  }

  /** SIGTERM; returns the exit code. */
  async end(): Promise<number | null> {
    this.#isWanted = false;
    const child = this.#child;
    if (child === undefined || !this.isRunning) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await ended;
    return child.exitCode;
  }

  /** Lines of its log that tell of such an event, over all its lives. */
  linesOf(event: string): string[] {
    const log = fs.readFileSync(this.#output, 'utf8');
    return log.split('\n').filter((line) => line.includes(`"event":"${event}"`));
  }

  /** Whatever happens, nothing stays behind. */
  destroy(): void {
    this.#isWanted = false;
    this.#child?.kill('SIGKILL');
  }

  /** Undefined while it can't be asked. */
  get(path: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
    return new Promise((resolve) => {
      const request = http.get({ host: '127.0.0.1', port: this.#port, path, timeout: 3000, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
        response.on('error', () => resolve(undefined));
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(undefined));
    });
  }

  /** A whole /metrics, once there is one for which `isWanted` holds; undefined after `timeoutMs`. */
  async metrics(timeoutMs: number, isWanted: (body: string) => boolean = () => true): Promise<string | undefined> {
    const untilMs = performance.now() + timeoutMs;
    while (performance.now() < untilMs) {
      const answer = await this.get('/metrics');
      if (answer?.status === 200 && isWanted(answer.body)) return answer.body;
      await sleep(50);
    }
    return undefined;
  }
}
