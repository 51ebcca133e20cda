/**
 * What the watcher sees, as it sees it: facts in, lines out. A line is said at once; what goes on and on (refusals of one device, call keys) is
 * said again after REPEAT_MS at the earliest, with how often it was so far. On a terminal a status line stands below, drawn anew.
 *
 * Texts of facts are the log's: shown by showText only. Every line fits the terminal.
 */

import type { Fact, KeysClaimed, KeyUpload, ServerEvent } from '../../src/facts/fact.ts';
import type { Clock } from '../clock.ts';
import { createStyles, type Styles } from '../commands/styles.ts';
import type { Terminal } from '../commands/terminal.ts';
import { cutToWidth, displayWidth, showText } from '../commands/terminal-text.ts';

/** The same subject is spoken of this often at most, in milliseconds of the clock. Chosen: it can be read. */
const REPEAT_MS = 1000;
/** The status line is drawn this often at most. */
const REDRAW_MS = 100;
/** Keys of one request that get a line each. */
const MAX_CLAIM_LINES = 5;
const ID_COLUMNS = 40;
/** A terminal that says it has less doesn't know. */
const LEAST_COLUMNS = 20;
const USUAL_COLUMNS = 80;

export class LiveView {
  readonly #terminal: Terminal;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #columns: number;
  readonly #styles: Styles;
  /** By subject: when it was last spoken of, and what is to be said next. Bounded by the capture. */
  readonly #subjects = new Map<string, { saidMs: number; waiting: (() => void) | null }>();
  /** By `user device`, as shown: refusals so far. */
  readonly #refusals = new Map<string, number>();
  #callKeys = 0;
  #serverName = '';
  #drawnMs = Number.NEGATIVE_INFINITY;
  #drawnColumns = 0;
  #isOver = false;

  constructor(terminal: Terminal, clock: Pick<Clock, 'monotonicMs'>) {
    this.#terminal = terminal;
    this.#clock = clock;
    // Some terminals say 0.
    this.#columns = terminal.columns >= LEAST_COLUMNS ? terminal.columns : USUAL_COLUMNS;
    this.#styles = createStyles(terminal.usesColour);
  }

  take(fact: Fact): void {
    if (this.#isOver) return;
    switch (fact.kind) {
      case 'server_event':
        return this.#takeServerEvent(fact);
      case 'key_upload':
        return this.#takeUpload(fact);
      case 'keys_claimed':
        return this.#takeClaims(fact);
      case 'logged_in':
        return this.#say(fact.timeMs, `${this.#device(fact.userId, fact.deviceId)} logs in`);
      case 'devices_deleted':
        for (const deviceId of fact.deviceIds) this.#say(fact.timeMs, `${this.#device(fact.userId, deviceId)} is deleted (logged out)`);
        return;
      case 'to_device_send':
        if (!fact.isMediaKey || !fact.isOk) return;
        this.#callKeys++;
        return this.#sayAgain('call keys', () =>
          this.#say(fact.timeMs, `call keys sent: ${this.#callKeys} so far, the last by ${this.#user(fact.sender)}`),
        );
      case 'to_device_messages':
        if (fact.stage !== 'dropped') return;
        return this.#sayAgain('dropped', () => this.#say(fact.timeMs, 'to-device messages dropped: device unknown', this.#styles.fault));
      case 'delayed_event_request':
        if (fact.outcome === 'ok') return;
        return this.#sayAgain('delayed events', () =>
          this.#say(fact.timeMs, `delayed event, ${fact.action}: ${fact.outcome.replaceAll('_', ' ')}`, this.#styles.fault),
        );
    }
  }

  /** Says what has waited long enough, and draws `status` (visible text) anew. Call it often. */
  tick(status: string): void {
    for (const [subject, { waiting }] of this.#subjects) if (waiting !== null) this.#sayAgain(subject, waiting);
    const nowMs = this.#clock.monotonicMs();
    if (!this.#terminal.isOutTerminal || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const line = cutToWidth(status, this.#columns - 1);
    const width = displayWidth(line);
    // Over the one before, to its end: clearing first would flicker.
    this.#terminal.out(`\r${this.#styles.quiet(line)}${' '.repeat(Math.max(0, this.#drawnColumns - width))}`);
    this.#drawnColumns = Math.max(width, this.#drawnColumns);
  }

  /** Says what still waits, and nothing any more. */
  end(): void {
    for (const { waiting } of this.#subjects.values()) waiting?.();
    this.#subjects.clear();
    this.#clearStatus();
    this.#isOver = true;
  }

  #takeServerEvent({ event, detail, timeMs }: ServerEvent): void {
    if (event === 'version') this.#say(timeMs, `Synapse ${showText(detail, ID_COLUMNS)} starts`);
    else if (event === 'shutting_down') this.#say(timeMs, 'Synapse is told to stop');
    else if (event === 'hostname') {
      this.#serverName = detail;
      this.#say(timeMs, `its server name is ${showText(detail, ID_COLUMNS)}, left out below`);
    } else if (event === 'token_from_future')
      this.#sayAgain(event, () => this.#say(timeMs, 'a client knows more than the database', this.#styles.fault));
  }

  #takeUpload({ userId, deviceId, refusals, outcome, hasDeviceKeys, offeredKeyIds, timeMs }: KeyUpload): void {
    const device = userId === null || deviceId === null ? 'an unknown device' : this.#device(userId, deviceId);
    if (refusals.length === 0) {
      if (outcome === 'accepted' && hasDeviceKeys)
        this.#say(timeMs, `${device} publishes ${offeredKeyIds.length} one-time key${offeredKeyIds.length === 1 ? '' : 's'}`);
      return;
    }
    const count = (this.#refusals.get(device) ?? 0) + refusals.length;
    this.#refusals.set(device, count);
    const said = count === 1 ? 'its upload is refused, a key id is taken' : `refused ${count} times so far`;
    this.#sayAgain(`refused ${device}`, () => this.#say(timeMs, `${device}: ${said}`, this.#styles.fault));
  }

  #takeClaims({ claims, claimer, timeMs }: KeysClaimed): void {
    for (const { userId, deviceId } of claims.slice(0, MAX_CLAIM_LINES)) {
      const device = this.#device(userId, deviceId);
      const refused = this.#refusals.get(device);
      const text = `${this.#user(claimer)} claims a key of ${device}`;
      if (refused === undefined) this.#say(timeMs, text);
      else this.#say(timeMs, `${text}, refused ${refused === 1 ? 'once' : `${refused} times`}`, this.#styles.fault);
    }
    if (claims.length > MAX_CLAIM_LINES) this.#say(timeMs, `${this.#user(claimer)} claims ${claims.length - MAX_CLAIM_LINES} more keys`);
  }

  /** Now, or when the subject's time has come; the last that waits replaces the one before. */
  #sayAgain(subject: string, say: () => void): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#subjects.get(subject);
    if (known !== undefined && nowMs - known.saidMs < REPEAT_MS) {
      known.waiting = say;
      return;
    }
    this.#subjects.set(subject, { saidMs: nowMs, waiting: null });
    say();
  }

  /** `16:55:20  @rosa MSLNKEIKTS: refused 3 times so far` */
  #say(timeMs: number, text: string, style = (line: string): string => line): void {
    this.#clearStatus();
    this.#drawnMs = Number.NEGATIVE_INFINITY; // the next tick draws it anew, below
    const time = formatClockTime(timeMs);
    this.#terminal.out(`${this.#styles.quiet(time)}  ${style(cutToWidth(text, this.#columns - time.length - 2))}\n`);
  }

  /** By spaces, not by an escape sequence: every terminal knows those. */
  #clearStatus(): void {
    if (this.#drawnColumns > 0) this.#terminal.out(`\r${' '.repeat(this.#drawnColumns)}\r`);
    this.#drawnColumns = 0;
  }

  /** `@rosa MSLNKEIKTS`; users of other servers with their server. */
  #device(userId: string, deviceId: string): string {
    return `${this.#user(userId)} ${showText(deviceId, ID_COLUMNS)}`;
  }

  #user(userId: string | null): string {
    if (userId === null) return 'somebody';
    const server = `:${this.#serverName}`;
    return showText(server.length > 1 && userId.endsWith(server) ? userId.slice(0, -server.length) : userId, ID_COLUMNS);
  }
}

/** `16:55:20`, UTC; `--:--:--` where the log has no time. */
export function formatClockTime(epochMs: number): string {
  return Number.isFinite(epochMs) ? new Date(epochMs).toISOString().slice(11, 19) : '--:--:--';
}
