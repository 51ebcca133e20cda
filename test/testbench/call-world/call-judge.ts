/**
 * What a perfect reader says of a made-up world of calls, and where another reader differs. In: the truth, an analysis of the log, the events as they
 * were joined. Out: sentences, one for each thing that is wrong; none: all is right.
 */
import type { Analysis } from '../../../src/analysis.ts';
import { hashText } from '../../../src/lines/private-hash.ts';
import type { Pipeline } from '../../../src/pipeline.ts';
import type { CallTruth } from './call-server.ts';

export function findCallFaults(truth: CallTruth, analysis: Analysis, pipeline: Pipeline): readonly string[] {
  return [
    ...judgeTimeouts(truth, analysis),
    ...judgeDrops(truth, analysis),
    ...judgeOwners(truth, pipeline),
    ...judgeIncidents(truth, analysis),
    ...judgeAnswer(truth, analysis),
  ];
}

function judgeTimeouts({ slow, healthy, undecidable }: CallTruth, { delayedEvents }: Analysis): string[] {
  const found = delayedEvents.clientTimeouts;
  const all = found.homeserver_slow + found.homeserver_healthy + found.unknown;
  if (all !== slow + healthy + undecidable) return [`${slow + healthy + undecidable} timeouts, found ${JSON.stringify(found)}`];
  const isRight =
    Math.abs(found.homeserver_slow - slow) <= undecidable && Math.abs(found.homeserver_healthy - healthy) <= undecidable + found.unknown;
  return isRight ? [] : [`${slow} slow and ${healthy} healthy timeouts (${undecidable} undecidable), found ${JSON.stringify(found)}`];
}

function judgeDrops({ drops }: CallTruth, { delayedEvents }: Analysis): string[] {
  const { drops: sure, dropsUnsure: unsure } = delayedEvents;
  return sure <= drops && sure + unsure >= drops ? [] : [`${drops} drops, found ${sure} and ${unsure} unsure`];
}

/** Where it isn't said to be one of several, it's the right one. */
function judgeOwners({ owners }: CallTruth, { calls }: Pipeline): string[] {
  const byHash = new Map([...owners].map(([id, owner]) => [hashText(id), owner]));
  const wrong: string[] = [];
  for (const { idHash, schedule, oneOf } of calls.delayedEvents.rows.values()) {
    if (idHash === null || schedule === null || oneOf !== null) continue;
    const found = `${schedule.userId} ${schedule.deviceId}`;
    if (byHash.get(idHash) !== found) wrong.push(`an event of ${byHash.get(idHash)} was taken for one of ${found}`);
  }
  return wrong;
}

function judgeIncidents({ impatient, slow, undecidable, drops, rateLimited }: CallTruth, { incidents }: Analysis): string[] {
  const wrong: string[] = [];
  for (const { kind, ke, userId, deviceId } of incidents) {
    if (ke === 'KE-1' || ke === 'KE-2') wrong.push(`incident ${kind}, but nothing is wrong with anybody's keys`);
    if (kind === 'client_gave_up' && userId !== null && !impatient.has(`${userId} ${deviceId}`) && undecidable === 0)
      wrong.push(`${userId} is said to have given up`);
    if (kind === 'homeserver_slow' && slow + undecidable === 0) wrong.push('the homeserver is said to be slow');
    if (kind === 'membership_dropped' && drops === 0) wrong.push('a membership is said to be dropped');
    if (kind === 'rate_limited' && rateLimited === 0) wrong.push('a rate limit is said to refuse');
  }
  return wrong;
}

/** Where one thing is clearly the most frequent. */
function judgeAnswer({ slow, healthy, undecidable, rateLimited, drops }: CallTruth, { questions }: Analysis): string[] {
  const { answer } = questions.Q4;
  if (slow + healthy + undecidable < 2 && drops === 0) return answer === 'none' ? [] : [`Q4 is none, answered ${answer}`];
  if (undecidable > 0) return [];
  const votes = [
    ['homeserver', slow],
    ['client', healthy],
    ['rate_limited', rateLimited],
  ] as const;
  const [first, second] = [...votes].sort(([, a], [, b]) => b - a);
  if (first === undefined || second === undefined || first[1] === second[1]) return [];
  return answer === first[0] ? [] : [`Q4 is ${first[0]} (${JSON.stringify(votes)}), answered ${answer}`];
}
