/**
 * What a PromQL expression names: metrics, their matchers, and the functions and ranges around them. By Prometheus' own grammar, so that no
 * selector is missed.
 *
 * In: an expression; Grafana's variables may stand in it. Out: its selectors. RangeError, with the place, where it isn't PromQL.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  /** Empty where it is chosen by a matcher on `__name__`. */
  readonly metric: string;
  /** As written: `job=~"$job"`. */
  readonly matchers: readonly string[];
  /** Functions around it, innermost first: `rate`, `sum`, `histogram_quantile`. Names of aggregations too. */
  readonly functions: readonly string[];
  /** As written, with Grafana's variables: `$__rate_interval`; null for an instant selector. */
  readonly range: string | null;
}

/** Stand-ins of the same length, so that places stay right. Numbers: a duration has to be read where one stands. */
const VARIABLES: readonly (readonly [RegExp, (variable: string) => string])[] = [
  // [$__rate_interval] → [1000…0m]
  [/\$__(?:rate_interval|range|interval)/g, (variable) => `${'1'.padEnd(variable.length - 1, '0')}m`],
];

export function selectorsOf(expression: string): readonly Selector[] {
  const text = VARIABLES.reduce((current, [pattern, replace]) => current.replace(pattern, replace), expression);
  const tree = parser.parse(text);
  const selectors: Selector[] = [];
  tree.iterate({
    enter: ({ type, from, node }) => {
      if (type.isError) throw new RangeError(`Not PromQL at character ${from}: ${expression.slice(from, from + 40)}`);
      if (type.name === 'VectorSelector') selectors.push(selectorAt(node, expression));
    },
  });
  return selectors;
}

function selectorAt(node: SyntaxNode, text: string): Selector {
  const slice = ({ from, to }: SyntaxNode): string => text.slice(from, to);
  const matchers = node.getChild('LabelMatchers');
  const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : null;
  return {
    metric: node.getChild('Identifier') ? slice(node.getChild('Identifier') as SyntaxNode) : '',
    matchers: matchers
      ? childrenOf(matchers)
          .filter(({ name }) => name.endsWith('LabelMatcher'))
          .map(slice)
      : [],
    functions: functionsAround(node, text),
    range: matrix ? text.slice(node.to + 1, matrix.to - 1) : null,
  };
}

function functionsAround(node: SyntaxNode, text: string): readonly string[] {
  const names: string[] = [];
  for (let at = node.parent; at; at = at.parent) {
    const name =
      at.name === 'FunctionCall' ? at.getChild('FunctionIdentifier') : at.name === 'AggregateExpr' ? at.getChild('AggregateOp') : null;
    if (name) names.push(text.slice(name.from, name.to));
  }
  return names;
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}
