/**
 * Where every source stands on its way through (format, request numbers, open joins), as rows for the state database.
 *
 * In: the streams. Out: one row a stream that read anything since the last commit, and one for each join that was opened, grew or closed. Joins are
 * compared with those of the last commit, at a commit: nothing on the way of a line pays for it.
 *
 * Rows of a source that isn't configured any more stay in the database; it goes on where it was when it comes back.
 */
import type { KeptRows } from './kept-rows.ts';
import type { RecordMatch } from './requests/joined-request.ts';
import type { JoinKey, OpenJoin } from './requests/request-joiner.ts';
import type { CompiledRule, RuleMatch } from './rules/rule-set.ts';
import type { SourceStream, SourceStreamDump } from './source-stream.ts';

interface StoredMatch {
  readonly rule: string;
  readonly captures: RuleMatch['captures'];
  readonly items: RuleMatch['items'];
  /** null: not known. */
  readonly timeMs: number | null;
  readonly position: number;
  readonly line?: number | null;
  readonly text?: string;
}

interface StoredJoin {
  readonly serial: number;
  readonly requestId: string;
  readonly incarnation: number;
  readonly matches: readonly StoredMatch[];
}

/** A join as it was at a commit: a join only ever gets more matches. */
interface JoinMark {
  readonly join: OpenJoin;
  readonly matchCount: number;
}

type JoinMarks = Map<JoinKey, JoinMark>;

interface StreamMark {
  readonly revision: number;
  readonly joins: JoinMarks;
}

type Row = readonly [key: string, text: string | null];

const NO_JOINS: JoinMarks = new Map();

export class StreamRows implements KeptRows {
  readonly stage = 'streams';
  readonly #streams: readonly SourceStream[];
  readonly #ruleOf: (id: string) => CompiledRule | undefined;
  readonly #committed = new Map<SourceStream, StreamMark>();
  #pending: ReadonlyMap<SourceStream, StreamMark> = new Map();

  /** `streams` may grow. */
  constructor(streams: readonly SourceStream[], ruleOf: (id: string) => CompiledRule | undefined) {
    this.#streams = streams;
    this.#ruleOf = ruleOf;
  }

  changedRows(): readonly Row[] {
    const rows: Row[] = [];
    const pending = new Map<SourceStream, StreamMark>();
    for (const stream of this.#streams) {
      const committed = this.#committed.get(stream);
      if (committed?.revision === stream.revision) continue;
      rows.push([stateKey(stream.name), JSON.stringify(stream.dump())]);
      const joins: JoinMarks = new Map();
      for (const [key, join] of stream.openJoinEntries()) joins.set(key, { join, matchCount: join.matches.length });
      rows.push(...changedJoins(stream.name, committed?.joins ?? NO_JOINS, joins));
      pending.set(stream, { revision: stream.revision, joins });
    }
    this.#pending = pending;
    return rows;
  }

  markCommitted(): void {
    for (const [stream, mark] of this.#pending) this.#committed.set(stream, mark);
    this.#pending = new Map();
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    const states = new Map<string, SourceStreamDump>();
    const joins = new Map<string, [JoinKey, OpenJoin][]>();
    for (const [key, text] of rows) {
      try {
        const [kind, name, joinKey] = JSON.parse(key) as [string, string, JoinKey];
        if (kind === 'state') states.set(name, JSON.parse(text) as SourceStreamDump);
        else joins.set(name, [...(joins.get(name) ?? []), [joinKey, this.#parseJoin(JSON.parse(text) as StoredJoin, problems)]]);
      } catch (error) {
        problems.push(`Cannot read row ${key} of the streams: ${String(error)}`);
      }
    }
    for (const stream of this.#streams) {
      const state = states.get(stream.name);
      if (state !== undefined) this.#restore(stream, state, joins.get(stream.name) ?? [], problems);
    }
    return problems;
  }

  #restore(stream: SourceStream, state: SourceStreamDump, joins: readonly [JoinKey, OpenJoin][], problems: string[]): void {
    try {
      stream.restore(state, joins);
      const marks = new Map(joins.map(([key, join]) => [key, { join, matchCount: join.matches.length }]));
      this.#committed.set(stream, { revision: stream.revision, joins: marks });
    } catch (error) {
      problems.push(`Cannot go on with the state of source "${stream.name}": ${String(error)}`);
    }
  }

  /** A match of a rule that exists no more is left out: nobody would know what it means. */
  #parseJoin({ serial, requestId, incarnation, matches }: StoredJoin, problems: string[]): OpenJoin {
    const known: RecordMatch[] = [];
    for (const { rule: id, timeMs, ...match } of matches) {
      const rule = this.#ruleOf(id);
      if (rule === undefined) problems.push(`Left out a record of request ${requestId}: rule "${id}" exists no more`);
      else known.push({ ...match, rule, timeMs: timeMs ?? Number.NaN });
    }
    return { serial, requestId, incarnation, matches: known };
  }
}

function changedJoins(source: string, before: JoinMarks, now: JoinMarks): readonly Row[] {
  const rows: Row[] = [];
  for (const key of before.keys()) if (!now.has(key)) rows.push([joinRowKey(source, key), null]);
  for (const [key, { join, matchCount }] of now) {
    const mark = before.get(key);
    if (mark?.join !== join || mark.matchCount !== matchCount) rows.push([joinRowKey(source, key), JSON.stringify(storedForm(join))]);
  }
  return rows;
}

function storedForm({ serial, requestId, incarnation, matches }: OpenJoin): StoredJoin {
  return {
    serial,
    requestId,
    incarnation,
    matches: matches.map(({ rule, timeMs, ...match }) => ({ ...match, rule: rule.id, timeMs: Number.isNaN(timeMs) ? null : timeMs })),
  };
}

function stateKey(source: string): string {
  return JSON.stringify(['state', source]);
}

function joinRowKey(source: string, key: JoinKey): string {
  return JSON.stringify(['join', source, key]);
}
