/**
 * One HTTP request as the log shows it: the records that a rule matched, and its access line, joined by request id.
 */
import type { CompiledRule, RuleMatch } from '../rules/rule-set.ts';

/** A rule's match in one record, with when and where it stands. */
export interface RecordMatch extends RuleMatch {
  /** Log time, epoch ms; NaN where the log has none (`JsonFormatter`). */
  readonly timeMs: number;
  /** Byte position of the record in its generation. */
  readonly position: number;
  /** Line number and message, where an incident may have to show them. */
  readonly line?: number | null;
  readonly text?: string;
}

/** What an access line says, copied out of the buffer. */
export interface RequestAccess {
  readonly timeMs: number;
  readonly position: number;
  readonly procMs: number;
  readonly sendMs: number;
  readonly sizeBytes: number;
  readonly status: number;
  readonly isClientGone: boolean;
  /** `@alice:example.org`; `@bot:hs|@ghost:hs`; a server name; null for `{None}`. */
  readonly requester: string | null;
  /** Hash of address and user agent; 0 where the request's fact has no use for it. */
  readonly clientHash: number;
  /** Hash of the address alone, as above. */
  readonly addressHash: number;
  /** Line number in its generation, from 1; null where it isn't known. */
  readonly line: number | null;
  /** The rule whose route the request line matches, with the route's captures. */
  readonly route: { readonly rule: CompiledRule; readonly captures: Readonly<Record<string, string>> } | null;
}

/** How a join ended. `ended`: the input is over. */
export type JoinOutcome = 'closed' | 'expired' | 'evicted' | 'ended';

export interface JoinedRequest {
  readonly source: string;
  readonly incarnation: number;
  /** `POST-2817`; '' for a record outside of any request. */
  readonly requestId: string;
  readonly outcome: JoinOutcome;
  /** null where no access line came. */
  readonly access: RequestAccess | null;
  /** In file order. */
  readonly matches: readonly RecordMatch[];
}
