/**
 * Why a device's keys and the server's differ. In: what the refusals of one divergence had in common. Out: the cause, how sure it is, and a
 * sentence that says what it rests on and what would refute it.
 *
 * What tells the causes apart (reference/e2ee-evidence.md 2.3, corrected by real runs): a client sends its device keys until their first
 * success, so device keys in a refused upload are a new account under an old device id. A stuck client makes no new keys, so it repeats one
 * batch and one value per id: another value is another account (a store that never persists), and an upload of *other* ids that is accepted
 * while the batch goes on being refused is a second writer. Repetition alone says nothing, and neither does the size of the batch: a page
 * that is reloaded within 2 minutes replays old counts and offers 50 keys in mid-counter (lab-findings 9).
 */
import type { Level } from '../certainty.ts';
import { counterOf, isCounter } from './key-id.ts';

export type CauseName = 'identity_reset' | 'volatile_store' | 'rollback' | 'concurrent_writers' | 'server_rollback' | 'unknown';

export interface Cause {
  readonly name: CauseName;
  readonly level: Level;
  readonly why: string;
}

/** Ids whose new-key values are compared, and values of one id. A stuck client repeats one id; it walks while peers claim. */
export const MAX_COMPARED_IDS = 32;
export const MAX_VALUES = 8;
/** Two tabs are woken by the same count: the second one's upload follows within this. Rollbacks were seen 3.2 s and more behind (truth-ideas). */
export const SECOND_WRITER_MS = 1500;

/** What the refusals of one divergence showed. Plain data. */
export interface CauseEvidence {
  refusals: number;
  /** Refused uploads that carried device keys. */
  withDeviceKeys: number;
  /** Refused uploads whose offer the log shows. */
  withOffer: number;
  /** Hashes of the new keys that were refused, by id, in order of their first refusal: [id, first, second, …]. */
  readonly values: number[][];
  /** A value came back after another one of its id was refused: two accounts at once. */
  hasReturningValue: boolean;
  /** Others' ids were accepted, and then the same id and value was refused again. */
  isInterleaved: boolean;
  /** Shortest time between the acceptance of an id and the first refusal of it, in ms; NaN where none is known. */
  acceptedToRefusedMs: number;
  /** Highest counter that was accepted before the first refusal; −1 where none was seen. */
  highWater: number;
  /** Lowest id of all refused batches; NaN where no offer was seen, or one of its ids is no counter. */
  lowest: number;
  /** The device was heard of before its first refusal. */
  isKnownBefore: boolean;
  /** New identity that was accepted as a whole, without a refusal. */
  isSilent: boolean;
}

export function createCauseEvidence(isKnownBefore: boolean, highWater: number): CauseEvidence {
  return {
    refusals: 0,
    withDeviceKeys: 0,
    withOffer: 0,
    values: [],
    hasReturningValue: false,
    isInterleaved: false,
    acceptedToRefusedMs: Number.NaN,
    highWater,
    lowest: Number.NaN,
    isKnownBefore,
    isSilent: false,
  };
}

/** Notes the value that was refused under an id. */
export function noteValue(evidence: CauseEvidence, id: number, hash: number): void {
  const known = evidence.values.find(([of]) => of === id);
  if (known === undefined) {
    if (evidence.values.length >= MAX_COMPARED_IDS) evidence.values.shift();
    evidence.values.push([id, hash]);
    return;
  }
  const at = known.indexOf(hash, 1);
  if (at < 0 && known.length <= MAX_VALUES) known.push(hash);
  // The newest value stands last; an older one that comes back is still in use by somebody.
  else if (at > 0 && at < known.length - 1) {
    evidence.hasReturningValue = true;
    known.push(...known.splice(at, 1));
  }
}

export function decideCause(evidence: CauseEvidence): Cause {
  if (evidence.isSilent && evidence.refusals === 0)
    return {
      name: 'identity_reset',
      level: 'derived',
      why: 'new device keys were accepted for a device that had published others, without a login: a new account under an old device id; a login that the log does not show would refute it',
    };
  if (evidence.withOffer === 0)
    return {
      name: 'unknown',
      level: 'suspected',
      why: 'no record of the refused uploads says what they offered; the lines of synapse.handlers.e2e_keys at INFO would tell',
    };
  if (evidence.withDeviceKeys * 2 >= evidence.refusals) return decideNewAccount(evidence);
  return decideSameAccount(evidence);
}

/** Device keys in the refused uploads. */
function decideNewAccount({ values, withDeviceKeys, refusals }: CauseEvidence): Cause {
  const accounts = Math.max(1, ...values.map(({ length }) => length - 1));
  const share = `${withDeviceKeys} of ${refusals} refused uploads carried device keys, so the client has a new account under its old device id`;
  if (accounts === 1)
    return {
      name: 'identity_reset',
      level: 'derived',
      why: `${share}; one new key per id, so it is one account that keeps its store now`,
    };
  return {
    name: 'volatile_store',
    level: accounts > 2 ? 'derived' : 'suspected',
    why: `${share}, and ${accounts} different new keys were refused under one id: another account with each page load, so the store never persists${accounts > 2 ? '' : '; two resets, one after the other, look the same'}`,
  };
}

/** The same account, with an older counter. */
function decideSameAccount(evidence: CauseEvidence): Cause {
  const { isInterleaved, hasReturningValue, acceptedToRefusedMs, lowest, highWater } = evidence;
  if (isInterleaved)
    return {
      name: 'concurrent_writers',
      level: 'derived',
      why: 'no device keys, and other ids were accepted while the same key went on being refused: two writers (tabs, processes) use one device',
    };
  if (hasReturningValue)
    return {
      name: 'concurrent_writers',
      level: 'derived',
      why: 'no device keys, and two different new keys were refused under one id in turn: two writers (tabs, processes) use one device',
    };
  if (acceptedToRefusedMs < SECOND_WRITER_MS)
    return {
      name: 'concurrent_writers',
      level: 'suspected',
      why: `no device keys, and the id had been accepted ${Math.round(acceptedToRefusedMs)} ms before another key was refused under it: two writers (tabs, processes) woken by the same count; accepted uploads between the refusals would prove it`,
    };
  if (!isCounter(lowest))
    return {
      name: 'unknown',
      level: 'suspected',
      why: 'no device keys, and the ids are no counters of a known library, so nothing tells an older store from a second writer',
    };
  const batch = `no device keys, so the account is the old one, and the refused batch begins at ${counterOf(lowest)}`;
  if (highWater >= lowest)
    return {
      name: 'rollback',
      level: 'derived',
      why: `${batch} though ${counterOf(highWater)} had been accepted: the store went back; accepted uploads between the refusals would speak for two writers instead`,
    };
  return {
    name: 'rollback',
    level: 'suspected',
    why: `${batch}; how far the device had come before, the log does not show, so a second writer is possible, too`,
  };
}
