/**
 * A rule as data: what a rule file (`rules/*.yml`) says after it was read and checked for form. `compileRules` turns it into something
 * that matches.
 */
import type { Level } from '../records/log-statement.ts';

export interface RuleDefinition {
  /** Unique over all files: `ke-1.one-time-key-refused`; `[a-z0-9.-]{1,64}`. */
  readonly id: string;
  /** One line: what a match means for the operator. */
  readonly title: string;
  /** Synapse versions it was seen in: `1.60 … 1.163`. */
  readonly synapse?: string;
  /** Exact logger name(s) of the record: `synapse.handlers.e2e_keys`. */
  readonly logger?: string | readonly string[];
  readonly level?: Level;
  /** Message template (src/rules/template.ts). */
  readonly message?: string;
  /** Name of a frame that the message is put into. */
  readonly frame?: string;
  /** The entries of a list hole, each by a template of its own. */
  readonly items?: { readonly from: string; readonly template: string };
  /** Access-line rules: method and route (src/rules/route-matcher.ts). With a message too: the request that the message must belong to. */
  readonly request?: { readonly method: string | readonly string[]; readonly route: string; readonly query?: string };
  /** Fact kind, known to src/facts. */
  readonly emit?: string;
  /** Constant fields added to the captures: `action: restart`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Operator's own rules: a counter; a label is a hole, its values those listed (others become `other`). */
  readonly counter?: { readonly name: string; readonly help: string; readonly labels?: Readonly<Record<string, readonly string[]>> };
  readonly tests: { readonly match: readonly RuleTest[]; readonly reject: readonly string[] };
}

export interface RuleTest {
  /** A whole log line, a bare message, or `METHOD URI` for access-line rules. */
  readonly line: string;
  /** The captures that must come out; others may too. */
  readonly captures: Readonly<Record<string, unknown>>;
}

/** A message form shared by many rules; its `{…:framed}` hole takes a rule's message. */
export interface FrameDefinition {
  readonly id: string;
  readonly logger: string | readonly string[];
  readonly level?: Level;
  readonly message: string;
}

/** Where a rule stands: `ke-1.yml`, 12, `rules[0].message`. */
export interface RuleSource {
  readonly file: string;
  readonly line: number;
  readonly path: string;
}

export interface LoadedRule {
  readonly definition: RuleDefinition;
  readonly source: RuleSource;
}

export interface LoadedRules {
  readonly rules: readonly LoadedRule[];
  readonly frames: readonly FrameDefinition[];
}
