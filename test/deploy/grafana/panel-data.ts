/**
 * What Grafana would get for a panel: variables filled in as its front end does, queries asked as its data source asks them.
 */
import type { Panel, Target } from '../../../deploy/grafana/source/model.ts';
import { askPrometheus, type RunningServer } from '../../testbench/debian-servers.ts';

export interface TimeSpan {
  /** Both in seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Between two points, seconds. */
  readonly step: number;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

/** Values of the dashboards' variables, as they stand in a query: `$job` → `.+`. */
export type VariableValues = Readonly<Record<string, string>>;

/** `$__rate_interval` is four scrapes, as Grafana makes it; `$__range` the time shown. */
function fillIn(expr: string, variables: VariableValues, { from, to, step }: TimeSpan): string {
  const times = { __rate_interval: `${step * 4}s`, __range: `${to - from}s` };
  return expr.replace(/\$(\w+)/g, (written, name: string) => ({ ...times, ...variables })[name] ?? written);
}

/** One series set a target. An instant query is asked at the end of the time shown. */
export async function askPanel(
  prometheus: RunningServer,
  { targets }: Panel,
  variables: VariableValues,
  span: TimeSpan,
): Promise<readonly (readonly Series[])[]> {
  return Promise.all(targets.map((target) => askTarget(prometheus, target, variables, span)));
}

async function askTarget(
  prometheus: RunningServer,
  { expr, instant }: Target,
  variables: VariableValues,
  span: TimeSpan,
): Promise<readonly Series[]> {
  const query = fillIn(expr, variables, span);
  if (!instant) {
    const parameters = { query, start: `${span.from}`, end: `${span.to}`, step: `${span.step}` };
    return (await askPrometheus<{ readonly result: readonly Series[] }>(prometheus, 'query_range', parameters)).result;
  }
  const { result } = await askPrometheus<{
    readonly result: readonly { readonly metric: Series['metric']; readonly value: Series['values'][number] }[];
  }>(prometheus, 'query', { query, time: `${span.to}` });
  return result.map(({ metric, value }) => ({ metric, values: [value] }));
}

/** What is to be seen of a target: nothing, only zeros (a counter that exists and never counted), or more. */
export type Sight = 'nothing' | 'zeros' | 'values';

export function sightOf(series: readonly Series[]): Sight {
  const numbers = series.flatMap(({ values }) => values.map(([, value]) => Number(value))).filter(Number.isFinite);
  if (numbers.length === 0) return 'nothing';
  return numbers.some((number) => number !== 0) ? 'values' : 'zeros';
}
