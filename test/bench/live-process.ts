/**
 * In: a program that follows a file and serves /metrics on loopback. Out: its CPU, memory and counters while it runs.
 *
 * Invariants: it's ended by its own process id, SIGTERM first, SIGKILL after 10 s; what the kernel says of it is read from /proc (Linux).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 30_000;
const STOP_MS = 10_000;
/** Unit of CPU time in /proc, 100 a second on every Linux that Node runs on; asked all the same. */
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export class LiveProcess {
  readonly name: string;
  readonly #port: number;
  readonly #child: ChildProcess;
  readonly #errorFile: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(name: string, port: number, child: ChildProcess, errorFile: string) {
    this.name = name;
    this.#port = port;
    this.#child = child;
    this.#errorFile = errorFile;
  }

  /** Starts `line` with its output in `outputFile`, and waits until `readyPath` answers 200. Throws with its last words if it doesn't. */
  static async start(name: string, line: readonly string[], port: number, readyPath: string, outputFile: string): Promise<LiveProcess> {
    const output = fs.openSync(outputFile, 'w');
    const child = spawn(line[0] as string, line.slice(1), { stdio: ['ignore', output, output], env: { ...process.env, TZ: 'UTC' } });
    fs.closeSync(output);
    process.once('exit', () => child.kill('SIGKILL')); // Whatever ends this program, nothing stays behind.
    const live = new LiveProcess(name, port, child, outputFile);
    // A program that isn't there: the exit below tells.
    child.on('error', (error) => fs.appendFileSync(outputFile, `${error.message}\n`));
    const deadline = Date.now() + READY_MS;
    while (Date.now() < deadline && child.exitCode === null) {
      const status = await live.get(readyPath).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) return live;
      await sleep(50);
    }
    await live.stop();
    throw new Error(`Cannot start "${name}": not ready after ${READY_MS / 1000} s or gone; it said: ${live.lastWords()}`);
  }

  get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port: this.#port, path, agent: this.#agent, timeout: 5000 }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error(`no answer from ${this.name}`)));
      request.on('error', reject);
    });
  }

  /** The sum of a counter's series at this moment; 0 while it has none. */
  async counter(name: string): Promise<number> {
    const { body } = await this.get('/metrics');
    const values = body.split('\n').flatMap((line) => {
      const match = /^(\w+)(?:\{.*\})? (\S+)/.exec(line);
      return match?.[1] === name ? [Number(match[2])] : [];
    });
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** User and system CPU since its start, in seconds, all threads. */
  cpuSeconds(): number {
    const stat = fs.readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Resident memory now and at its peak, in MiB. */
  memory(): { readonly nowMebibytes: number; readonly peakMebibytes: number } {
    const status = fs.readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const value = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
    return { nowMebibytes: value('VmRSS'), peakMebibytes: value('VmHWM') };
  }

  lastWords(): string {
    return fs.readFileSync(this.#errorFile, 'utf8').trim().split('\n').slice(-5).join(' | ');
  }

  /** Ends it and returns its exit code; null if a signal ended it. */
  async stop(): Promise<number | null> {
    this.#agent.destroy();
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return child.exitCode;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    return child.exitCode;
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
