/**
 * What a client does with its delayed event, read from the delay it asks for. In: the delay of a schedule. Out: how soon it gives up on a
 * request, and how often it restarts the timer.
 *
 * Source: e2ee-evidence 4.3 (matrix-js-sdk's MembershipManager, and the configuration inside each Element Call bundle). The delay tells the
 * bundles apart; all but one give up after 2 s.
 */
export interface ClientProfile {
  /** Whose values these are, for a person. */
  readonly name: string;
  /** The client tells its user that the server doesn't answer, and asks again. */
  readonly localTimeoutMs: number;
  /** Time from one successful restart to the next request. */
  readonly restartMs: number;
}

const USUAL: ClientProfile = { name: 'matrix-js-sdk', localTimeoutMs: 2000, restartMs: 5000 };

const BY_DELAY: ReadonlyMap<number, ClientProfile> = new Map([
  [8000, USUAL],
  [10_000, { name: 'Element Call, standalone from 0.20', localTimeoutMs: 2000, restartMs: 5000 }],
  [15_000, { name: 'Element Call 0.12', localTimeoutMs: 2000, restartMs: 5000 }],
  [18_000, { name: 'Element Call', localTimeoutMs: 2000, restartMs: 4000 }],
  [90_000, { name: 'Element Call 0.16.3', localTimeoutMs: 10_000, restartMs: 4000 }],
]);

/** @param delayMs null where the schedule isn't known: then the values that nearly all clients have */
export function profileOf(delayMs: number | null): ClientProfile {
  return (delayMs === null ? undefined : BY_DELAY.get(delayMs)) ?? USUAL;
}
