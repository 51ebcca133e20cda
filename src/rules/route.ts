/**
 * How a rule states a route: Synapse's servlet patterns, as text.
 *
 *     PUT /_matrix/client/{version:r0|v3|unstable}/sendToDevice/{event_type:any}/{txn_id:any}
 *
 * Segment forms: literal · `{name}` one segment, not empty · `{name:any}` one segment, may be empty · `{name:a|b}` one of these · a part
 * in `[/…]` at the end is optional. A query condition `name={hole}` (or just `name`) must stand in the query.
 *
 * In: that text. Out: what is wrong with it, its variants (one for each choice), or a regular expression.
 */
import { asciiBytes } from '../lines/ascii.ts';

/** A name that must stand in the query; `hole` takes its value. */
export interface QueryCondition {
  readonly name: Uint8Array;
  readonly hole: string | null;
}

const MAX_SEGMENTS = 16;

/** What is wrong with a route or query, as a sentence fragment; null where nothing is. */
export function describeRouteProblem(route: string, query?: string): string | null {
  if (!route.startsWith('/')) return `route "${route}" has no leading "/"`;
  if (/[\s?#]/.test(route)) return `route "${route}" holds white space, "?" or "#"`;
  for (const variant of expandRoute(route))
    if (variant.length > MAX_SEGMENTS) return `route "${route}" has more than ${MAX_SEGMENTS} segments`;
    else
      for (const segment of variant)
        if (segment.kind === 'literal' && /[{}[\]]/.test(segment.text))
          return `segment "${segment.text}" of the route can't be read, expected text, {name}, {name:any} or {name:a|b}`;
  if (query !== undefined && !QUERY.test(query)) return `query "${query}" can't be read, expected name or name={hole}`;
  return null;
}

/**
 * The same route as a regular expression over the URI, for the few records that have it as text. Segments exclude what ends them, so it's
 * linear.
 */
export function routePattern(route: string, query?: string): RegExp {
  const variants = expandRoute(route).map((segments) => segments.map((segment) => `/${segmentPattern(segment)}`).join(''));
  const name = query === undefined ? '' : escapeRegExp((QUERY.exec(query)?.[1] ?? query) as string);
  const end = query === undefined ? '(?:\\?|$)' : `\\?(?:[^&]*&)*${name}(?:[=&]|$)`;
  return new RegExp(`^(?:${variants.join('|')})${end}`);
}

function segmentPattern(segment: Segment): string {
  return segment.kind === 'literal' ? escapeRegExp(segment.text) : `[^/?\\s]${segment.takesEmpty ? '*' : '+'}`;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** One part of a route; a literal that has a name was one of `{name:a|b}`. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string; readonly name: string | null }
  | { readonly kind: 'hole'; readonly name: string; readonly takesEmpty: boolean };

/** All variants of a route: with and without the optional end, and one for each of `{name:a|b}`. */
export function expandRoute(route: string): Segment[][] {
  const optional = /^(.*)\[(\/.*)\]$/.exec(route);
  if (optional) return [...expandRoute(optional[1] as string), ...expandRoute(`${optional[1]}${optional[2]}`)];
  let variants: Segment[][] = [[]];
  for (const text of route.split('/').slice(1)) {
    const choices = segmentChoices(text);
    variants = variants.flatMap((variant) => choices.map((choice) => [...variant, choice]));
  }
  return variants;
}

function segmentChoices(text: string): Segment[] {
  const hole = /^\{([a-z][a-z0-9_]*)(?::([^{}]+))?\}$/.exec(text);
  if (!hole) return [{ kind: 'literal', text, name: null }];
  const name = hole[1] as string;
  const choices = hole[2];
  if (choices === undefined || choices === 'any') return [{ kind: 'hole', name, takesEmpty: choices === 'any' }];
  return choices.split('|').map((choice) => ({ kind: 'literal', text: choice, name }));
}

const QUERY = /^([^=\s{}]+)(?:=\{([a-z][a-z0-9_]*)\})?$/;

/** @throws RangeError for a query that can't be read */
export function parseQuery(query: string | undefined): QueryCondition | null {
  if (query === undefined) return null;
  const match = QUERY.exec(query);
  if (!match) throw new RangeError(`query "${query}" can't be read`);
  return { name: asciiBytes(match[1] as string), hole: match[2] ?? null };
}

/** Percent-decoding that never throws: what can't be decoded stays as it is. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
