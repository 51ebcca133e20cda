/**
 * Q4: whose fault are timeouts of delayed events? In: what happened in the window. Out: the homeserver, the client's side, or the rate limit:
 * whatever is most frequent; `none` where there were fewer than two timeouts and no drop (contract.md).
 */
import type { Calls } from '../calls/calls.ts';
import type { Happening } from '../calls/chronicle.ts';
import type { Answer, Level, TimeWindow } from '../certainty.ts';
import type { Blindness } from './questions.ts';

export type TimeoutAnswer = 'homeserver' | 'client' | 'rate_limited' | 'none';

/** One `!` alone is a page that was closed. */
const MIN_TIMEOUTS = 2;

export function answerTimeouts(calls: Calls, window: TimeWindow, { isBlind, reasons }: Blindness): Answer<TimeoutAnswer> {
  const counts = calls.chronicle.count(window.fromMs, window.toMs);
  const timeouts = counts.homeserver_slow + counts.homeserver_healthy + counts.unknown;
  const sureDrops = counts.dropped_by_homeserver + counts.dropped_by_client + counts.dropped_by_rate_limit;
  const drops = sureDrops + counts.drop_unsure;
  const missing = reasons.length === 0 ? '' : `; what isn't seen could change that: ${reasons.join('; ')}`;
  if (timeouts < MIN_TIMEOUTS && drops === 0) {
    if (isBlind) return { answer: 'blind', level: 'observed', why: reasons.join('; ') || 'nothing was read' };
    const forgotten = calls.chronicle.hasForgotten(window.fromMs) ? '; older ones are forgotten' : '';
    return {
      answer: 'none',
      level: 'derived',
      why: `${timeouts} client timeouts and no membership that was dropped${forgotten}${missing}`,
    };
  }
  const votes = VOTES.map(([answer, happenings, fallback]) => [answer, count(counts, happenings), count(counts, fallback)] as const);
  const [first] = [...votes].sort(([, a, dropsA], [, b, dropsB]) => b - a || dropsB - dropsA);
  const why = `${sentence(counts)}${drops > 0 ? `; ${drops} memberships were dropped${counts.drop_unsure > 0 ? ` (${counts.drop_unsure} of them unsure)` : ''}` : ''}${missing}`;
  if (first === undefined || first[1] + first[2] === 0) return { answer: 'unknown', level: 'suspected', why };
  const [answer, most] = first;
  return { answer, level: levelOf(most, counts, sureDrops), why };
}

/** Answer, what speaks for it, and what decides where nothing else does, or as much: causes of drops. */
const VOTES: readonly (readonly [TimeoutAnswer, readonly Happening[], readonly Happening[]])[] = [
  ['homeserver', ['homeserver_slow'], ['dropped_by_homeserver']],
  ['client', ['homeserver_healthy'], ['dropped_by_client', 'drop_unsure']],
  ['rate_limited', ['rate_limited'], ['dropped_by_rate_limit']],
];

/** Where timeouts that can't be attributed are the most, the answer rests on the few others. */
function levelOf(most: number, counts: Readonly<Record<Happening, number>>, sureDrops: number): Level {
  if (most === 0) return sureDrops > 0 ? 'derived' : 'suspected';
  return most < counts.unknown ? 'suspected' : 'derived';
}

function count(counts: Readonly<Record<Happening, number>>, happenings: readonly Happening[]): number {
  return happenings.reduce((sum, happening) => sum + counts[happening], 0);
}

function sentence({ homeserver_slow, homeserver_healthy, unknown, rate_limited }: Readonly<Record<Happening, number>>): string {
  return `of ${homeserver_slow + homeserver_healthy + unknown} client timeouts ${homeserver_slow} came while the homeserver was slow, ${homeserver_healthy} while it was quick, ${unknown} when too few requests tell; ${rate_limited} requests were refused by the rate limit`;
}
