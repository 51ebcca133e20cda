/**
 * Calls on a made-up homeserver, with faults composed at random. In: a seed, and which faults; out: the log, and the truth. The same seed gives the
 * same world. A fault is one function in call-faults.ts.
 */
import { Random } from '../../bench/generator/random.ts';
import { type LogEntry, renderLog, START_MS } from '../../src/records/log-lines.ts';
import { CALL_FAULTS } from './call-faults.ts';
import { CallServer, type CallTruth, type Client, type Reply } from './call-server.ts';

interface Appointment {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A participant, as matrix-js-sdk's MembershipManager behaves (e2ee-evidence 4.3). */
export class Participant {
  readonly client: Client;
  readonly delayMs: number;
  /** How long it waits for an answer. */
  patienceMs = 2000;
  /** Silent until then: asleep, or cut off. */
  silentUntilMs = 0;
  /** The action is in the body. */
  isOldForm = false;
  id: string | null = null;
  hasLeft = false;

  constructor(client: Client, delayMs: number) {
    this.client = client;
    this.delayMs = delayMs;
  }
}

export class CallWorld {
  readonly random: Random;
  readonly server: CallServer;
  readonly participants: Participant[] = [];
  readonly startMs: number;
  readonly endMs: number;
  readonly faults: string[] = [];
  nowMs: number;
  #calendar: Appointment[] = [];
  #order = 0;

  constructor(seed: number, durationMs: number) {
    this.random = new Random(seed);
    this.startMs = START_MS + (seed % 1000) * 7000;
    this.nowMs = this.startMs;
    this.endMs = this.startMs + durationMs;
    this.server = new CallServer(this.random, this.startMs);
  }

  between(low: number, high: number): number {
    return low + this.random.int(Math.max(1, high - low));
  }

  /** At this log time, or now where that is over. */
  at(timeMs: number, run: () => void): void {
    this.#calendar.push({ atMs: Math.max(timeMs, this.nowMs), order: this.#order++, run });
  }

  in(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  run(): CallTruth {
    for (;;) {
      const next = this.#calendar.reduce<Appointment | null>(
        (best, entry) => (best === null || entry.atMs < best.atMs || (entry.atMs === best.atMs && entry.order < best.order) ? entry : best),
        null,
      );
      if (next === null || next.atMs > this.endMs) return this.server.finish();
      this.#calendar = this.#calendar.filter((entry) => entry !== next);
      this.nowMs = next.atMs;
      next.run();
    }
  }

  entries(): readonly LogEntry[] {
    return this.server.log();
  }

  text(): string {
    return renderLog(this.entries());
  }

  newClient(more: Partial<Client> = {}): Client {
    const name = this.random.text(6, 'abcdefghijklmnopqrstuvwxyz');
    return {
      userId: `@${name}:example.org`,
      deviceId: this.random.text(10, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
      address: `203.0.113.${this.random.int(250)}`,
      agent: `Element/${this.random.hex(8)}`,
      ...more,
    };
  }

  addParticipant(client = this.newClient(), delayMs = this.random.pick([8000, 8000, 18_000])): Participant {
    const participant = new Participant(client, delayMs);
    this.participants.push(participant);
    this.in(this.between(100, 20_000), () => this.join(participant));
    return participant;
  }

  join(participant: Participant): void {
    if (participant.hasLeft) return;
    const { client, delayMs } = participant;
    const id = `syd_${this.random.text(20, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')}`;
    const reply = this.server.schedule(this.nowMs, client, delayMs, id);
    if (reply.status !== 200) return this.at(reply.atMs + 1000, () => this.join(participant));
    this.at(reply.atMs, () => {
      participant.id = id;
      this.server.join(this.nowMs, client);
      this.in(this.between(4000, 5200), () => this.restart(participant, id));
    });
  }

  restart(participant: Participant, id: string): void {
    if (participant.hasLeft || participant.id !== id) return;
    if (this.nowMs < participant.silentUntilMs) return this.at(participant.silentUntilMs, () => this.restart(participant, id));
    const { client, patienceMs, isOldForm } = participant;
    const reply = this.server.manage(this.nowMs, client, id, 'restart', patienceMs, isOldForm);
    this.at(reply.atMs, () => this.#goOn(participant, id, reply));
  }

  leave(participant: Participant): void {
    const { id, client } = participant;
    participant.hasLeft = true;
    if (id !== null) this.server.manage(this.nowMs, client, id, this.random.pick(['cancel', 'send']), Number.POSITIVE_INFINITY);
  }

  #goOn(participant: Participant, id: string, { status, gaveUp }: Reply): void {
    // matrix-js-sdk tries again at once; one whose patience is a test's 1 ms would never stop.
    if (gaveUp) this.in(participant.patienceMs < 100 ? 100 : 0, () => this.restart(participant, id));
    else if (status === 404) {
      participant.id = null;
      this.join(participant);
    } else
      this.in(status === 200 ? this.between(4000, 5200) : status === 429 ? this.between(1000, 2500) : 3000, () =>
        this.restart(participant, id),
      );
  }
}

const DURATION_MS = 4 * 60_000;

/** @param only faults of these names alone, all of them; without it some at random, or none */
export function composeCallWorld(seed: number, only?: readonly string[]): { readonly world: CallWorld; readonly truth: CallTruth } {
  const world = new CallWorld(seed, DURATION_MS);
  for (let i = world.between(2, 6); i > 0; i--) world.addParticipant();
  addBackground(world);
  for (const fault of CALL_FAULTS) {
    const isChosen = only === undefined ? world.random.chance(250_000) : only.includes(fault.name);
    if (!isChosen) continue;
    world.faults.push(fault.name);
    fault.plan(world);
  }
  for (const participant of world.participants)
    if (world.random.chance(300_000)) world.in(world.between(60_000, 230_000), () => world.leave(participant));
  return { world, truth: world.run() };
}

/** Quick requests all the time, with a message now and then that takes its second. */
function addBackground(world: CallWorld): void {
  const client = world.newClient();
  const next = (): void => {
    const isMessage = world.random.chance(150_000);
    if (isMessage) {
      const ms = world.random.chance(200_000) ? world.between(1000, 1600) : world.between(20, 400);
      world.server.other(
        world.nowMs,
        'PUT',
        `/_matrix/client/v3/rooms/!call%3Aexample.org/send/m.room.encrypted/m${world.nowMs}.1`,
        client,
        ms,
      );
    } else world.server.other(world.nowMs, 'POST', '/_matrix/client/v3/keys/query', client, world.between(2, 200));
    world.in(world.between(100, 1500), next);
  };
  world.in(50, next);
}
