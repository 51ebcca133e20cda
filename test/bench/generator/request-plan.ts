/**
 * In: a method, a path, a status, a duration and what else a request does. Out: its records on the timeline, in the order in which
 * Synapse 1.155 writes them: received, the handler's own lines, the error, the lost connection, the access line.
 *
 * Invariants: every request number is used once; the size in an error's access line is that of the JSON body with the error's text, as
 * in Synapse (readers tell forged lines by it).
 */
import type { Member } from './cast.ts';
import type { PlannedRecord } from './timeline.ts';
import type { DelayedAction, Level, RequestClass } from './truth.ts';
import type { AccessFacts, UploadFacts } from './truth-book.ts';
import type { World } from './world.ts';

/** A record of a handler: everything but the request id. */
export type HandlerRecord = Omit<PlannedRecord, 'requestId'>;

export interface RequestPlan {
  method: string;
  uri: string;
  requestClass: RequestClass;
  status: number;
  /** Processing time in milliseconds, at least 1. */
  ms: number;
  /** What stands in braces: a user id, a server, `None`. */
  entity: string;
  readonly site: string;
  readonly address: string;
  userAgent: string;
  /** The client hung up before the answer. */
  isLost: boolean;
  isLookalike: boolean;
  /** Records at a third of the processing time. */
  readonly early: HandlerRecord[];
  /** Records right before the end: an error, a refusal. */
  readonly late: HandlerRecord[];
  /** The error's text and code: Synapse's record of it, and the size of the answer. */
  error?: { readonly code: string; readonly text: string; readonly limiter?: string; readonly onWritten?: () => void } | undefined;
  upload?: UploadFacts | undefined;
  delayedAction?: DelayedAction | undefined;
  toDeviceSend?: AccessFacts['toDeviceSend'];
}

/** A plain GET that answers 200; builders change it. */
export function newPlan(world: World, member: Member): RequestPlan {
  return {
    ...{ method: 'GET', uri: '/_matrix/client/versions', requestClass: 'other', status: 200, ms: 1 },
    entity: member.userId,
    address: member.address,
    site: world.random.chance(250_000) ? '8083' : '8008',
    userAgent: member.userAgent,
    ...{ isLost: false, isLookalike: false, early: [], late: [] },
  };
}

/** `<XForwardedForRequest at 0x7f… method='POST' uri='…' clientproto='HTTP/1.1' site='8008'>`. */
export function requestRepr(world: World, plan: RequestPlan): string {
  const at = `0x7f${world.random.hex(10)}`;
  return `<XForwardedForRequest at ${at} method='${plan.method}' uri='${plan.uri}' clientproto='HTTP/1.1' site='${plan.site}'>`;
}

/** Gives the request its number and puts its records on the timeline. Returns the request id. */
export function schedule(world: World, plan: RequestPlan): string {
  const { timeline } = world;
  const requestId = `${plan.method}-${world.next.request++}`;
  const put = (delayMs: number, record: HandlerRecord): void => timeline.plan(delayMs, { ...record, requestId });
  if (world.isDebug) put(0, receivedRecord(world, plan));
  for (const record of plan.early) put(Math.floor(plan.ms / 3), record);
  for (const record of plan.late) put(plan.ms - 1, record);
  if (plan.error) put(plan.ms - 1, errorRecord(world, plan, plan.error));
  const lostAtMs = plan.isLost ? world.random.int(plan.ms) : -1;
  if (plan.isLost) scheduleLoss(world, plan, lostAtMs, put);
  put(plan.ms, accessRecord(world, plan, lostAtMs));
  return requestId;
}

function receivedRecord(world: World, plan: RequestPlan): HandlerRecord {
  const message = `${plan.address} - ${plan.site} - Received request: ${plan.method} ${plan.uri}`;
  return { ...record(`synapse.access.http.${plan.site}`, 480, 'DEBUG', message), onWritten: () => world.book.received() };
}

function errorRecord(world: World, plan: RequestPlan, error: NonNullable<RequestPlan['error']>): HandlerRecord {
  const limiter = error.limiter === undefined ? '' : ` (${error.limiter})`;
  const message = `${requestRepr(world, plan)} SynapseError: ${plan.status} - ${error.text}${limiter}`;
  return { ...record('synapse.http.server', limiter === '' ? 131 : 127, 'INFO', message), onWritten: error.onWritten };
}

function scheduleLoss(world: World, plan: RequestPlan, lostAtMs: number, put: (delayMs: number, record: HandlerRecord) => void): void {
  put(lostAtMs, record('synapse.http.site', 553, 'INFO', 'Connection from client lost before response was sent'));
  const message = `Not sending response to request ${requestRepr(world, plan)}, already disconnected.`;
  put(plan.ms, record('synapse.http.server', 853, 'WARNING', message));
}

function accessRecord(world: World, plan: RequestPlan, lostAtMs: number): HandlerRecord {
  const { random, book } = world;
  const { ms, status } = plan;
  const isSendNegative = plan.isLost || random.chance(20_000);
  const sendMs = plan.isLost ? ms - lostAtMs : random.int(isSendNegative ? 3 : 4);
  const user = seconds(Math.min(ms, random.int(6)));
  const database = `db=(0.00${random.int(9)}sec/${seconds(Math.min(ms, random.int(15)))}sec/${random.int(12)})`;
  const times = `${seconds(ms)}sec/${isSendNegative ? '-' : ''}${seconds(sendMs)}sec ru=(${user}sec, 0.00${random.int(3)}sec) ${database}`;
  const request = `"${plan.method} ${plan.uri} HTTP/1.${plan.site === '8008' ? 1 : 0}" "${plan.userAgent}" [${random.int(8)} dbevts]`;
  const head = `${plan.address} - ${plan.site} - {${plan.entity}} Processed request:`;
  const facts: AccessFacts = { ...plan, isSendNegative };
  return {
    ...record(
      `synapse.access.http.${plan.site}`,
      643,
      'INFO',
      `${head} ${times} ${answerBytes(world, plan)}B ${status}${plan.isLost ? '!' : ''} ${request}`,
    ),
    onWritten: () => book.accessLine(facts),
  };
}

/** Size of the answer's body. 55: `{"errcode":"M_UNKNOWN","error":"Internal server error"}`, after an exception. */
function answerBytes(world: World, plan: RequestPlan): number {
  if (plan.isLost) return 0;
  if (plan.error) return errorBodyBytes(plan.error);
  return plan.status === 500 ? 55 : 2 + world.random.int(4000);
}

/** Length of `{"errcode":"M_NOT_FOUND","error":"Delayed event not found"}` in Python's ASCII JSON; 59 here, as in real captures. */
function errorBodyBytes(error: NonNullable<RequestPlan['error']>): number {
  const wait = error.limiter === undefined ? {} : { retry_after_ms: 1042 };
  const json = JSON.stringify({ errcode: error.code, error: error.text, ...wait });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what isn't ASCII is written as \uXXXX, six bytes.
  return json.replace(/[^\x00-\x7f]/g, '\\u0000').length;
}

export function record(logger: string, sourceLine: number, level: Level, message: string): HandlerRecord {
  return { logger, sourceLine, level, message };
}

/** 1042 → `1.042`. */
function seconds(ms: number): string {
  const fraction = ms % 1000;
  return `${Math.floor(ms / 1000)}.${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}`;
}
