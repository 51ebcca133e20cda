/**
 * Q2: do media keys reach the devices of a call? In: calls, what is known of devices' keys. Out: the worst pair in the window.
 *
 * At INFO the log shows who sends call keys and who was handed which one-time key, so a lost link can be predicted; whether a message was stored
 * and handed out takes the logger `synapse.9533_debug` at DEBUG, and whether it could be read, the client's report (e2ee-evidence 3.5).
 */
import type { Calls } from '../calls/calls.ts';
import { type LinkState, linksIn } from '../calls/link-states.ts';
import type { Answer, TimeWindow } from '../certainty.ts';
import type { KeyHealth } from '../devices/key-health.ts';
import type { Blindness } from './questions.ts';

export type MediaKeyAnswer = LinkState | 'link_refuted' | 'none';

const NO_DEBUG =
  'the log does not say whether keys were stored and handed out; `loggers: {synapse.9533_debug: {level: DEBUG}}` in log.yaml and SIGHUP show that (take it back with `level: NOTSET`)';

export function answerMediaKeys(
  calls: Calls,
  keys: KeyHealth,
  window: TimeWindow,
  { isBlind, reasons }: Blindness,
): Answer<MediaKeyAnswer> {
  const links = linksIn(window, calls, keys);
  const [worst] = links;
  if (worst !== undefined) {
    const others = links.filter(({ state }) => state === worst.state).length - 1;
    return {
      answer: worst.state,
      level: worst.level,
      why: `${worst.why}${others > 0 ? `; and ${others} more pairs` : ''}${RAISED_BY[worst.state] ?? ''}`,
    };
  }
  if (isBlind) return { answer: 'blind', level: 'observed', why: reasons.join('; ') || 'nothing was read' };
  const stays = [...calls.book.rooms(window.fromMs, window.toMs)].flat();
  const missing = reasons.length === 0 ? '' : `; what isn't seen could change that: ${reasons.join('; ')}`;
  if (stays.length === 0) return { answer: 'none', level: 'derived', why: `no device joined a call${missing}` };
  const hasDebug = calls.totals.firstDebugMs <= window.toMs && calls.totals.lastDebugMs >= window.fromMs;
  const seen = `${new Set(stays.map(({ userId, deviceId }) => `${userId} ${deviceId}`)).size} devices were in calls, and none was handed a key that its owner had lost`;
  return {
    answer: 'none',
    level: hasDebug ? 'derived' : 'suspected',
    why: `${seen}; ${hasDebug ? 'call keys were handed out in time' : NO_DEBUG}${missing}`,
  };
}

const RAISED_BY: Readonly<Partial<Record<LinkState, string>>> = {
  link_predicted: '; a client\'s report of "missing key" for that sender would confirm it, one that decrypted its key would refute it',
  link_unlikely: '; a client\'s report of "missing key" for that sender would contradict it',
};
