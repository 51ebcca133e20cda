/**
 * A homeserver with users, devices and calls on a clock of its own; faults are put into it and what it would log comes out, with the truth beside it. From the
 * theory (reference/e2ee-evidence.md, lab-findings.md), not from captures. The same seed gives the same world.
 *
 * In: a seed, the faults that are to happen. Out: log entries of one or several processes, and what was done to whom.
 */
import { Random } from '../../bench/generator/random.ts';
import {
  accessEntry,
  bannerEntries,
  claimEntry,
  type DeviceName,
  deviceKeysEntry,
  errorEntry,
  type LogEntry,
  offerEntry,
  refusalEntry,
  renderLog,
  signedKey,
  UPLOAD_URI,
} from '../../src/records/log-lines.ts';
import { Account } from './model-client.ts';
import { ModelServer } from './model-server.ts';

/** What happened to one device, for the judge. Times are log times of the records that show it. */
export interface DeviceTruth {
  readonly device: DeviceName;
  /** Faults that were done to it; '' none. */
  fault: string;
  readonly refusals: { readonly timeMs: number; readonly id: string; readonly value: string; readonly hasDeviceKeys: boolean }[];
  readonly accepted: { readonly timeMs: number; readonly ids: readonly string[] }[];
  deletedMs: number;
  /** Keys handed out whose private half nobody on this device had any more. */
  readonly poisonedMs: number[];
  readonly fallbackMs: number[];
  /** Keys handed out again because the database was older. */
  again: number;
}

/** One device with its running clients (tabs). */
export class ModelDevice implements DeviceName {
  readonly userId: string;
  readonly deviceId: string;
  readonly truth: DeviceTruth;
  accounts: Account[] = [];
  isOnline = true;
  /** Time between two /syncs, in ms. */
  pollMs: number;

  constructor(userId: string, deviceId: string, pollMs: number) {
    this.userId = userId;
    this.deviceId = deviceId;
    this.pollMs = pollMs;
    this.truth = {
      device: { userId, deviceId },
      fault: '',
      refusals: [],
      accepted: [],
      deletedMs: Number.NaN,
      poisonedMs: [],
      fallbackMs: [],
      again: 0,
    };
  }

  get key(): string {
    return `${this.userId} ${this.deviceId}`;
  }
}

/** A process of the homeserver, with a log of its own. */
interface Process {
  readonly name: string;
  readonly entries: LogEntry[];
  nextNumber: number;
}

interface Appointment {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export interface Fault {
  readonly name: string;
  /** Puts what will happen into the world's calendar. */
  plan(world: World): void;
}

export class World {
  readonly random: Random;
  readonly server = new ModelServer();
  readonly devices: ModelDevice[] = [];
  readonly processes: Process[];
  nowMs: number;
  readonly endMs: number;
  /** Records that stand in the log and were never meant to: what a reader must not believe. */
  forgedRecords = 0;
  #calendar: Appointment[] = [];
  #order = 0;
  #number = 0;
  #downUntilMs = Number.NEGATIVE_INFINITY;
  readonly #claimedValues = new Map<string, number>();

  constructor(seed: number, startMs: number, durationMs: number) {
    this.random = new Random(seed);
    this.nowMs = startMs;
    this.endMs = startMs + durationMs;
    const workers = this.random.chance(400_000) ? 1 + this.random.int(2) : 0;
    const names = ['homeserver.log', ...Array.from({ length: workers }, (_, i) => `worker${i + 1}.log`)];
    this.processes = names.map((name) => ({ name, entries: [], nextNumber: 0 }));
    for (const process of this.processes) process.entries.push(...bannerEntries(startMs));
  }

  /** Milliseconds from now. */
  in(delayMs: number, run: () => void): void {
    this.#calendar.push({ atMs: this.nowMs + delayMs, order: this.#order++, run });
  }

  between(low: number, high: number): number {
    return low + this.random.int(Math.max(1, high - low));
  }

  /** Plays everything to the end. */
  run(): void {
    for (;;) {
      let next = -1;
      for (let i = 0; i < this.#calendar.length; i++) {
        const entry = this.#calendar[i] as Appointment;
        const best = this.#calendar[next];
        if (best === undefined || entry.atMs < best.atMs || (entry.atMs === best.atMs && entry.order < best.order)) next = i;
      }
      const entry = next < 0 ? undefined : this.#calendar.splice(next, 1)[0];
      if (entry === undefined || entry.atMs > this.endMs) return;
      if (entry.atMs < this.#downUntilMs) {
        // Nobody is answered while the homeserver is down: clients try again.
        this.#calendar.push({ ...entry, atMs: this.#downUntilMs + this.random.int(2000) });
        continue;
      }
      this.nowMs = entry.atMs;
      entry.run();
    }
  }

  /** A device that logs in now, uploads its keys and goes on syncing. */
  addDevice(userId = `@u${this.random.hex(6)}:example.org`, pollMs = this.between(2000, 31_000)): ModelDevice {
    const device = new ModelDevice(userId, this.random.text(10, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'), pollMs);
    this.devices.push(device);
    device.accounts = [this.newAccount()];
    this.request('POST', '/_matrix/client/v3/login', 'None', (at) => [
      { ...at, logger: 'synapse.handlers.auth', level: 'INFO', message: `Logging in user ${userId} on device ${device.deviceId}` },
    ]);
    this.in(this.between(50, 500), () => this.syncLoop(device, device.accounts[0] as Account));
    return device;
  }

  newAccount(): Account {
    return new Account(() => this.#number++);
  }

  /** One client (tab) syncs until it is closed: until the device no longer has this account. */
  syncLoop(device: ModelDevice, account: Account): void {
    if (!device.accounts.includes(account) || !Number.isNaN(device.truth.deletedMs)) return;
    if (device.isOnline) this.sync(device, account);
    this.in(device.pollMs + this.random.int(300), () => this.syncLoop(device, account));
  }

  /** @param count as the server says it; an old answer of the sync cache may say another */
  sync(device: ModelDevice, account: Account, count = this.server.count(device.key)): void {
    this.request('GET', '/_matrix/client/v3/sync?timeout=30000', device.userId, () => []);
    const pending = account.pending(count);
    if (pending !== null) this.upload(device, account, pending);
  }

  upload(device: ModelDevice, account: Account, pending: NonNullable<ReturnType<Account['pending']>>): void {
    const { keys, identity, fallback } = pending;
    const answer = this.server.upload(device.key, identity, keys, fallback);
    const isStored = answer === 'stored';
    const ids = keys.map(({ id }) => id).sort();
    const { truth } = device;
    this.request(
      'POST',
      UPLOAD_URI,
      device.userId,
      (at) => {
        const entries: LogEntry[] = [];
        if (identity !== null) entries.push(deviceKeysEntry(at, device));
        entries.push(offerEntry(at, device, ids));
        if (isStored) {
          truth.accepted.push({ timeMs: at.timeMs, ids });
          return entries;
        }
        const { id, value, stored } = answer.conflict;
        const newKey = `{'key': '${value}', 'signatures': {'${device.userId}': {'ed25519:${device.deviceId}': 'S'}}}`;
        entries.push(refusalEntry({ ...at, timeMs: at.timeMs + 3 }, id, { oldKey: signedKey(stored, device), newKey }));
        truth.refusals.push({ timeMs: at.timeMs + 3, id, value, hasDeviceKeys: identity !== null });
        return entries;
      },
      isStored ? 200 : 400,
    );
    if (isStored) account.noteStored();
  }

  /** `claimer` takes one key of each of these devices. */
  claim(claimer: ModelDevice, targets: readonly ModelDevice[]): void {
    const isSingle = targets.length === 1;
    const claims: { device: ModelDevice; keyId: string; value: string; isFallback: boolean }[] = [];
    for (const device of targets) {
      const key = this.server.claim(device.key, (count) => (isSingle ? 0 : this.random.int(count)));
      if (key !== null) claims.push({ device, keyId: key.id, value: key.value, isFallback: key.isFallback });
    }
    this.request('POST', '/_matrix/client/v3/keys/claim', claimer.userId, (at) => {
      for (const { device, value, isFallback } of claims) this.#noteClaim(device, value, isFallback, at.timeMs);
      return [
        claimEntry(
          at,
          claims.map(({ device, keyId }) => ({ userId: device.userId, deviceId: device.deviceId, keyId })),
        ),
      ];
    });
  }

  delete(device: ModelDevice): void {
    this.server.delete(device.key);
    this.request('POST', '/_matrix/client/v3/logout', device.userId, (at) => {
      device.truth.deletedMs = at.timeMs;
      return [
        {
          ...at,
          logger: 'synapse.handlers.device',
          level: 'INFO',
          message: `Deleting devices ['${device.deviceId}'] for '${device.userId}'`,
        },
      ];
    });
  }

  /** Somebody without an account puts whole records into the log. @param kind where the text goes */
  forge(records: readonly LogEntry[], kind: 'type' | 'medium' | 'hang_up'): void {
    const process = this.#pickProcess();
    const text = records.map((record) => renderLog([record]).trimEnd()).join('\n');
    this.forgedRecords += records.length;
    const number = process.nextNumber++;
    const request = `POST-${number}`;
    const at = { timeMs: this.nowMs, request };
    if (kind === 'medium') {
      const message = `unknown 3pid identifier medium x\n${text}, address 'a'`;
      process.entries.push({ ...at, logger: 'synapse.handlers.auth', level: 'WARNING', message });
      process.entries.push(errorEntry({ ...at, timeMs: this.nowMs + 2 }, '403 - Invalid username or password', '/_matrix/client/v3/login'));
      this.#answer(process, request, 'POST', '/_matrix/client/v3/login', 'None', 403, 64, this.nowMs + 5);
      return;
    }
    const error = `Unknown login type x\n${text}`;
    process.entries.push(errorEntry(at, `400 - ${error}`, '/_matrix/client/v3/login'));
    const isGone = kind === 'hang_up';
    this.#answer(
      process,
      request,
      'POST',
      '/_matrix/client/v3/login',
      'None',
      400,
      isGone ? 0 : JSON.stringify(error).length + 34,
      this.nowMs + 5,
      isGone,
    );
  }

  /** The homeserver stops and starts. @param onStart before its first request */
  restart(onStart: () => void = () => undefined): void {
    this.#downUntilMs = this.nowMs + 3001;
    for (const process of this.processes) {
      process.entries.push({
        timeMs: this.nowMs,
        logger: 'twisted',
        level: 'INFO',
        request: 'sentinel',
        message: 'Received SIGTERM, shutting down.',
      });
      process.entries.push(...bannerEntries(this.nowMs + 3000));
      process.nextNumber = 0;
    }
    onStart();
  }

  /** A client's token is ahead of the database. */
  tokenAhead(device: ModelDevice): void {
    this.request('GET', '/_matrix/client/v3/sync?timeout=0', device.userId, (at) => [
      {
        ...at,
        logger: 'synapse.streams.events',
        level: 'ERROR',
        message: "Bounding token from the future 'StreamKeyType.TO_DEVICE': token: 4, bound: 2",
      },
    ]);
  }

  /** One request: its records, then its access line. */
  request(
    method: string,
    uri: string,
    requester: string,
    records: (at: { timeMs: number; request: string }) => readonly LogEntry[],
    status = 200,
  ): void {
    const process = this.#pickProcess();
    const request = `${method}-${process.nextNumber++}`;
    if (this.random.chance(20_000)) process.nextNumber += 1 + this.random.int(3);
    const entries = records({ timeMs: this.nowMs, request });
    process.entries.push(...entries);
    const lastMs = Math.max(this.nowMs, ...entries.map(({ timeMs }) => timeMs));
    this.#answer(process, request, method, uri, requester, status, this.between(40, 900), lastMs + this.between(1, 60));
  }

  /** Each process's log, in the order in which it was written. */
  logs(): readonly { readonly name: string; readonly text: string }[] {
    return this.processes.map(({ name, entries }) => {
      // A banner is written at once; everything else as its stamps say.
      const sorted = entries.map((entry, order) => ({ entry, order })).sort((a, b) => a.entry.timeMs - b.entry.timeMs || a.order - b.order);
      return { name, text: renderLog(sorted.map(({ entry }) => entry)) };
    });
  }

  #noteClaim({ key, accounts, truth }: ModelDevice, value: string, isFallback: boolean, timeMs: number): void {
    const times = this.#claimedValues.get(`${key} ${value}`) ?? 0;
    this.#claimedValues.set(`${key} ${value}`, times + 1);
    if (isFallback) truth.fallbackMs.push(timeMs);
    else if (times > 0) truth.again++;
    if (!accounts.some(({ privates }) => privates.has(value))) truth.poisonedMs.push(timeMs);
  }

  #answer(
    process: Process,
    request: string,
    method: string,
    uri: string,
    requester: string,
    status: number,
    size: number,
    timeMs: number,
    isGone = false,
  ): void {
    const proc = ((timeMs - this.nowMs) / 1000).toFixed(3);
    process.entries.push(accessEntry({ timeMs, request }, { method, uri, requester, status, size, proc, send: '0.000', isGone }));
  }

  #pickProcess(): Process {
    return this.random.pick(this.processes);
  }
}
