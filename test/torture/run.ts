/**
 * `npm run torture`: the real watcher against a writer that rotates, while it's killed, stopped, and its disk fails. In: `--seed N` (or `--seeds A-B`),
 * `--seconds N`, `--rate LINES_PER_SECOND`, `--mode rename|delete|copytruncate`. Out: one line a seed; exit code 1 if anything was lost, doubled or stepped back.
 *
 * A seed gives the same log and the same faults at the same times. A generation is deleted only when the watcher has it open, and it isn't killed then before the
 * state has what was read of it: what is deleted unread while nobody holds it is gone for every reader.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../bench/generator/random.ts';
import { freePort } from '../bench/live-process.ts';
import { HELP, type Plan, readCommandLine } from './command-line.ts';
import type { Done, Order, RotationKind, WriterSetup, WriterTruth } from './orders.ts';
import { type Counters, countersOf, gaugeOf, judge, stepsBack, sumOf, type Verdict } from './scrapes.ts';
import { StateDisk } from './state-disk.ts';
import { WatchedDaemon } from './watched-daemon.ts';

interface Result {
  readonly verdict: Verdict;
  readonly truth: WriterTruth;
  readonly counts: Readonly<Record<string, number>>;
  readonly complaints: readonly string[];
  /** What the watcher itself said of it. */
  readonly losses: readonly string[];
}

/** Least and most time between two of a kind, in milliseconds. */
const EVERY = {
  rotation: [200, 1100],
  // Each waits until it was seen.
  deletion: [100, 500],
  kill: [2500, 5500],
  stop: [4000, 12_000],
  disk: [8000, 16_000],
  permission: [9000, 20_000],
  clock: [3000, 9000],
  scrape: [150, 450],
} as const;

/** The log's clock is set by so much, in milliseconds: less than a device's series lives. */
const CLOCK_STEPS = [-3_000, -50, 40, 2_000, 30_000, 600_000];

/** For all to be read after the writer has stopped. */
const CATCH_UP_MS = 60_000;
const DEVICES = 300;

class Torture {
  readonly #plan: Plan;
  readonly #folder: string;
  readonly #disk: StateDisk;
  readonly #daemon: WatchedDaemon;
  readonly #writer: ReturnType<typeof fork>;
  readonly #counts: Record<string, number> = {
    rotations: 0,
    packed: 0,
    kills: 0,
    stops: 0,
    fullDisks: 0,
    readOnly: 0,
    denied: 0,
    clockSteps: 0,
    scrapes: 0,
  };
  readonly #complaints: string[] = [];
  readonly #over = new AbortController();
  #last: Counters = new Map();
  #areKillsHeld = false;
  #deletions = 0;
  #ordered: Promise<void> = Promise.resolve();
  /** Faults that may not overlap: a lock that the tracks pass on. */
  #busy: Promise<void> = Promise.resolve();

  static async create(plan: Plan): Promise<Torture> {
    const folder = fs.mkdtempSync(join(tmpdir(), `lotus-torture-${plan.seed}-`));
    const port = await freePort();
    const config = join(folder, 'config.yml');
    fs.writeFileSync(
      config,
      `sources: [{ path: ${join(folder, 'homeserver.log')} }]\nstate_directory: ${join(folder, 'state')}\nlisten: 127.0.0.1:${port}\ntimezone: UTC\n`,
    );
    return new Torture(plan, folder, new WatchedDaemon(config, port, join(folder, 'daemon.log')));
  }

  private constructor(plan: Plan, folder: string, daemon: WatchedDaemon) {
    this.#plan = plan;
    this.#folder = folder;
    this.#daemon = daemon;
    this.#disk = new StateDisk(join(folder, 'state'));
    const setup: WriterSetup = {
      path: join(folder, 'homeserver.log'),
      seed: plan.seed,
      linesPerSecond: plan.rate,
      deviceCount: DEVICES,
      naming: plan.mode === 'rename' && plan.seed % 2 === 1 ? 'dated' : 'numbered',
    };
    this.#writer = fork(new URL('./writer.ts', import.meta.url).pathname, [JSON.stringify(setup)], { env: { ...process.env, TZ: 'UTC' } });
    process.once('exit', () => this.#clean());
  }

  async run(): Promise<Result> {
    try {
      await once(this.#writer, 'message');
      this.#daemon.start();
      // A first start reads the live file alone: what is rotated before that isn't its business.
      if ((await this.#daemon.metrics(CATCH_UP_MS)) === undefined) throw new Error('The watcher does not start');
      const tracks = [
        this.#scrapes(),
        this.#rotations(),
        this.#kills(),
        this.#stops(),
        this.#diskFaults(),
        this.#denials(),
        this.#clockSteps(),
      ];
      await sleep(this.#plan.seconds * 1000);
      this.#over.abort();
      await Promise.all(tracks);
      return await this.#conclude();
    } finally {
      this.#clean();
    }
  }

  /** Runs `act` again and again, at times that the seed gives, until the time is over. */
  async #track(name: keyof typeof EVERY, act: (random: Random) => Promise<void>): Promise<void> {
    const random = new Random(this.#plan.seed * 100 + Object.keys(EVERY).indexOf(name));
    const [least, most] = EVERY[name];
    while (!this.#over.signal.aborted) {
      await sleep(least + random.int(most - least), undefined, { signal: this.#over.signal }).catch(() => {});
      if (!this.#over.signal.aborted) await act(random);
    }
  }

  /** One at a time. */
  async #alone(act: () => Promise<void>): Promise<void> {
    const before = this.#busy;
    let release = (): void => {};
    this.#busy = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    try {
      await act();
    } finally {
      release();
    }
  }

  #scrapes(): Promise<void> {
    return this.#track('scrape', async () => {
      await this.#scrape();
    });
  }

  async #scrape(): Promise<boolean> {
    const answer = await this.#daemon.get('/metrics');
    if (answer?.status !== 200) return false;
    this.#counts['scrapes']!++;
    const now = countersOf(answer.body);
    this.#complaints.push(...stepsBack(this.#last, now));
    this.#last = now;
    return true;
  }

  #rotations(): Promise<void> {
    const kinds: readonly RotationKind[] = this.#plan.mode === 'rename' ? ['rename', 'rename', 'late'] : [this.#plan.mode];
    return this.#track(this.#plan.mode === 'delete' ? 'deletion' : 'rotation', async (random) => {
      const kind = kinds[random.int(kinds.length)] ?? 'rename';
      const isPacking = random.int(4) === 0;
      if (kind === 'delete') await this.#alone(() => this.#delete());
      else {
        await this.#order({ do: 'rotate', kind });
        this.#counts['rotations']!++;
        if (isPacking && kind !== 'copytruncate') {
          await this.#order({ do: 'pack', age: 2 + random.int(3) });
          this.#counts['packed']!++;
        }
      }
    });
  }

  async #delete(): Promise<void> {
    await this.#waitForDeletions();
    await this.#order({ do: 'rotate', kind: 'delete' });
    this.#deletions++;
    this.#counts['rotations']!++;
    await this.#waitForDeletions();
  }

  /** The watcher holds the file that is there now, and what it read of those before is committed (a scrape commits before it answers). */
  async #waitForDeletions(): Promise<void> {
    const isSeen = (body: string): boolean => sumOf(countersOf(body), 'lotus_e2ee_watch_rotations_total') >= this.#deletions;
    const body = await this.#daemon.metrics(CATCH_UP_MS, isSeen);
    if (body === undefined)
      this.#complaints.push(`only ${sumOf(this.#last, 'lotus_e2ee_watch_rotations_total')} of ${this.#deletions} deletions were seen`);
  }

  #kills(): Promise<void> {
    return this.#track('kill', async () => {
      while (this.#areKillsHeld && !this.#over.signal.aborted) await sleep(50);
      await this.#alone(async () => {
        if (!this.#daemon.isRunning || this.#areKillsHeld) return;
        this.#daemon.signal('SIGKILL');
        this.#counts['kills']!++;
      });
    });
  }

  #stops(): Promise<void> {
    return this.#track('stop', (random) =>
      this.#alone(async () => {
        this.#daemon.signal('SIGSTOP');
        this.#counts['stops']!++;
        await sleep(100 + random.int(1500));
        this.#daemon.signal('SIGCONT');
      }),
    );
  }

  /**
   * Whether a watcher that was killed while its commits failed finds again all that it had read and seen. Only renamed files stay as they were. What was deleted is gone
   * with the watcher that held it. Of a file that was emptied there may be copies, but what was read after the copying and before the emptying, and that there was an
   * emptying at all (rotations, gaps, lost bytes), was known to the dead process alone. No small record beside the state can make up for that: it would have to hold
   * every counter, which is what a commit is. So in those modes the disk fails as well, and deletions, emptyings and stops go on meanwhile, but no kill comes before a
   * commit has succeeded again.
   */
  get #canReplay(): boolean {
    return this.#plan.mode === 'rename';
  }

  async #diskFaults(): Promise<void> {
    if (!this.#disk.isOwnDisk) return;
    await this.#track('disk', async (random) => {
      const isFull = random.int(2) === 0;
      if (!this.#canReplay) await this.#alone(async () => this.#holdKills(true));
      if (isFull) this.#disk.fill();
      else this.#disk.setReadOnly(true);
      this.#counts[isFull ? 'fullDisks' : 'readOnly']!++;
      await sleep(500 + random.int(4000));
      if (isFull) this.#disk.free();
      else this.#disk.setReadOnly(false);
      if (this.#canReplay) return;
      await this.#waitForCommit(Date.now());
      this.#holdKills(false);
    });
  }

  #holdKills(areHeld: boolean): void {
    this.#areKillsHeld = areHeld;
  }

  /** There is always something to commit: the log goes on. */
  async #waitForCommit(sinceMs: number): Promise<void> {
    const isCommitted = (body: string): boolean => (gaugeOf(body, 'lotus_e2ee_watch_state_commit_timestamp_seconds') ?? 0) * 1000 > sinceMs;
    if ((await this.#daemon.metrics(CATCH_UP_MS, isCommitted)) === undefined)
      this.#complaints.push('commits still fail after the disk is well');
  }

  /** The live file may not be read for a while. */
  async #denials(): Promise<void> {
    if (this.#plan.mode !== 'rename') return;
    await this.#track('permission', async (random) => {
      await this.#order({ do: 'permit', isPermitted: false });
      this.#counts['denied']!++;
      await sleep(200 + random.int(800));
      await this.#order({ do: 'permit', isPermitted: true });
    });
  }

  #clockSteps(): Promise<void> {
    return this.#track('clock', async (random) => {
      await this.#order({ do: 'step clock', ms: CLOCK_STEPS[random.int(CLOCK_STEPS.length)] ?? 0 });
      this.#counts['clockSteps']!++;
    });
  }

  /** One order after the other. */
  async #order(order: Order): Promise<Done | WriterTruth> {
    const before = this.#ordered;
    const answered = before.then(async () => {
      const answer = once(this.#writer, 'message');
      this.#writer.send(order);
      return (await answer)[0] as Done | WriterTruth;
    });
    this.#ordered = answered.then(() => {});
    return answered;
  }

  async #conclude(): Promise<Result> {
    const truth = (await this.#order({ do: 'end' })) as WriterTruth;
    const bytesRead = (body: string): number => sumOf(countersOf(body), 'lotus_e2ee_watch_log_bytes_total');
    const timeoutMs = this.#plan.mode === 'copytruncate' ? 5000 : CATCH_UP_MS;
    await this.#daemon.metrics(timeoutMs, (body) => bytesRead(body) >= truth.bytes);
    const body = (await this.#daemon.metrics(CATCH_UP_MS)) ?? '';
    if (body === '') this.#complaints.push('it does not answer any more');
    await this.#scrape();
    const exitCode = await this.#daemon.end();
    if (exitCode !== 0) this.#complaints.push(`SIGTERM ended it with exit code ${exitCode}`);
    this.#complaints.push(...this.#daemon.crashes.map((crash) => `it ended by itself: ${crash}`));
    return {
      verdict: judge(body, truth),
      truth,
      counts: { ...this.#counts, starts: this.#daemon.restarts + 1 },
      complaints: this.#complaints,
      losses: this.#daemon.linesOf('gap_found'),
    };
  }

  #clean(): void {
    this.#daemon.destroy();
    this.#writer.kill('SIGKILL');
    if (!fs.existsSync(this.#folder)) return;
    if (this.#plan.keepsFiles) return;
    this.#disk.remove();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whether the mode allows what was found. */
function isGood({ verdict, complaints }: Result, { mode }: Plan): boolean {
  if (verdict.doubled > 0 || complaints.length > 0) return false;
  if (mode === 'copytruncate') return verdict.lost === 0 || verdict.gaps > 0;
  return verdict.lost === 0 && verdict.differences.length === 0;
}

function describe({ seed, seconds, mode }: Plan, { verdict, truth, counts, complaints }: Result): string {
  const events = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  const differences = mode === 'copytruncate' ? '' : `, differences ${verdict.differences.length}`;
  const { lost, doubled, gaps } = verdict;
  return `seed ${seed} (${mode}, ${seconds} s): lines ${truth.lines}, ${events.join(', ')}, gaps ${gaps}, lost ${lost}, doubled ${doubled}${differences}, complaints ${complaints.length}`;
}

async function runAll(plans: readonly Plan[]): Promise<void> {
  let failed = 0;
  for (const plan of plans) {
    const result = await (await Torture.create(plan)).run();
    const isWell = isGood(result, plan);
    process.stdout.write(`${isWell ? 'ok ' : 'RED'} ${describe(plan, result)}\n`);
    if (isWell) continue;
    failed++;
    for (const text of [...result.complaints, ...result.losses, ...result.verdict.differences].slice(0, 20))
      process.stdout.write(`    ${text}\n`);
  }
  process.exitCode = failed > 0 ? 1 : 0;
}

const asked = readCommandLine(process.argv.slice(2));
if (asked === 'help') process.stdout.write(HELP);
else if ('problem' in asked) {
  process.stderr.write(`${asked.problem}\n\n${HELP}`);
  process.exitCode = 2;
} else await runAll(asked);
