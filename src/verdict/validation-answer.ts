/**
 * 6.4: is it the client's stricter validation of to-device messages (crypto-wasm 18.3), and not KE-1, that keeps call keys from being used? In:
 * calls, what is known of devices' keys. Out: whether the server's part of the discriminator holds (e2ee-evidence 3.7): the receiver's keys are
 * healthy, nobody was handed a lost one, and its keys were stored and handed out. Then the fault, if a client reports one, lies behind delivery.
 */
import type { Calls } from '../calls/calls.ts';
import { linksIn } from '../calls/link-states.ts';
import type { Answer, TimeWindow } from '../certainty.ts';
import type { KeyHealth } from '../devices/key-health.ts';
import type { Blindness } from './questions.ts';

export type ValidationAnswer = 'validation_suspect' | 'not_validation' | 'not_applicable';

export function answerValidation(
  calls: Calls,
  keys: KeyHealth,
  window: TimeWindow,
  { isBlind, reasons }: Blindness,
): Answer<ValidationAnswer> {
  const [worst] = linksIn(window, calls, keys);
  if (worst !== undefined && worst.state !== 'link_unlikely')
    return {
      answer: 'not_validation',
      level: worst.level,
      why: `the server's own record explains it (${worst.state.replaceAll('_', ' ')}): ${worst.why}`,
    };
  if (isBlind) return { answer: 'blind', level: 'observed', why: reasons.join('; ') || 'nothing was read' };
  const stays = [...calls.book.rooms(window.fromMs, window.toMs)].flat();
  if (stays.length < 2) return { answer: 'not_applicable', level: 'derived', why: 'no two devices were in a call' };
  const hasDebug = calls.totals.firstDebugMs <= window.toMs && calls.totals.lastDebugMs >= window.fromMs;
  return {
    answer: 'not_applicable',
    level: hasDebug ? 'derived' : 'suspected',
    why: `no fault of call keys is seen on the server${hasDebug ? ': keys were stored and handed out' : ' (whether they were handed out is not logged)'}; a client's report of missing keys in this window would make validation the suspect`,
  };
}
