/**
 * What has to hold of every dashboard: the rules of Grafana's dashboard-linter (docs/rules, lint/*.go of grafana/dashboard-linter; a Go
 * program that isn't packaged), without exceptions, and rules of our own behind them. Each takes a dashboard as read from JSON and returns a
 * sentence for each thing that is wrong.
 */
import type { Annotation, Dashboard, Panel, QueryVariable, RowPanel, Target } from '../../../deploy/grafana/source/model.ts';
import { isKnown, labelProblems } from '../known-metrics.ts';
import { type Selector, selectorsOf } from '../promql.ts';

export type DashboardRule = (dashboard: Dashboard) => readonly string[];

const DATASOURCE = '$' + '{datasource}';
/** The linter takes Grafana's own list of units; these are the ones of it that we use (packages/grafana-data/src/valueFormats/categories.ts). */
const UNITS = ['none', 'short', 's', 'bytes', 'Bps', 'ops', 'reqps', 'cps', 'percentunit', 'dateTimeAsIso', 'dateTimeFromNow'];
const GRID_WIDTH = 24;

export const LINTER_RULES: Readonly<Record<string, DashboardRule>> = {
  'template-datasource-rule': ({ templating: { list } }) => {
    const found = list.filter(({ type }) => type === 'datasource');
    const [variable] = found;
    if (found.length !== 1 || variable === undefined) return [`has ${found.length} data source variables, expected 1`];
    const isRight = variable.name === 'datasource' && variable.label === 'Data source' && variable.query === 'prometheus';
    return isRight ? [] : [`data source variable is ${variable.name}, "${variable.label}"`];
  },
  'template-job-rule': (dashboard) => targetVariableProblems(dashboard, 'job', 'Job'),
  'template-instance-rule': (dashboard) => targetVariableProblems(dashboard, 'instance', 'Instance'),
  'template-label-promql-rule': (dashboard) =>
    queryVariables(dashboard).flatMap(({ name, query: { query } }) => {
      const selector = /^label_values\((.+), *\w+\)$/.exec(query)?.[1];
      if (selector === undefined) return [`variable ${name}: ${query} is no label_values(selector, label)`];
      return syntaxProblem(selector).map((problem) => `variable ${name}: ${problem}`);
    }),
  'template-on-time-change-reload-rule': (dashboard) =>
    queryVariables(dashboard).flatMap(({ name, refresh }) =>
      refresh === 2 ? [] : [`variable ${name} is not asked again when the time changes`],
    ),
  'panel-datasource-rule': (dashboard) =>
    panels(dashboard).flatMap(({ title, datasource, targets }) =>
      [datasource, ...targets.map((target) => target.datasource)].every(({ uid }) => uid === DATASOURCE)
        ? []
        : [`panel "${title}" has a data source of its own`],
    ),
  'panel-title-description-rule': (dashboard) =>
    panels(dashboard).flatMap(({ title, description }) =>
      title !== '' && description !== '' ? [] : [`panel "${title}" lacks a title or a description`],
    ),
  'panel-units-rule': (dashboard) =>
    panels(dashboard).flatMap(({ title, fieldConfig: { defaults } }) =>
      UNITS.includes(defaults.unit) ? [] : [`panel "${title}" has the unit ${defaults.unit}`],
    ),
  'panel-no-targets-rule': (dashboard) =>
    panels(dashboard).flatMap(({ title, targets }) => (targets.length > 0 ? [] : [`panel "${title}" asks for nothing`])),
  'target-promql-rule': (dashboard) =>
    targets(dashboard).flatMap(({ where, expr }) => syntaxProblem(expr).map((problem) => `${where}: ${problem}`)),
  'target-rate-interval-rule': (dashboard) =>
    eachSelector(dashboard, ({ functions, range }) => {
      const [innermost] = functions;
      return (innermost === 'rate' || innermost === 'irate') && range !== '$__rate_interval' ? [`${innermost} over ${range}`] : [];
    }),
  'target-job-rule': (dashboard) =>
    eachSelector(dashboard, ({ matchers }) => (matchers.includes('job=~"$job"') ? [] : ['lacks job=~"$job"'])),
  'target-instance-rule': (dashboard) =>
    eachSelector(dashboard, ({ matchers }) => (matchers.includes('instance=~"$instance"') ? [] : ['lacks instance=~"$instance"'])),
  'target-counter-agg-rule': (dashboard) =>
    eachSelector(dashboard, ({ metric, functions }) => {
      const isCounted = functions.some((name) => ['rate', 'irate', 'increase'].includes(name));
      return metric.endsWith('_total') && !isCounted ? ['a counter outside of rate, irate and increase'] : [];
    }),
  'uneditable-dashboard': ({ editable }) => (editable === false ? [] : ['can be edited']),
  // target-logql-*: there is no LogQL here.
  'target-logql-rule': (dashboard) =>
    targets(dashboard).flatMap(({ where, datasource }) =>
      datasource.type === 'prometheus' ? [] : [`${where} is of type ${datasource.type}`],
    ),
};

export const OWN_RULES: Readonly<Record<string, DashboardRule>> = {
  'uid-prefix': ({ uid }) => (/^lotus-e2ee-[a-z-]{1,29}$/.test(uid) ? [] : [`uid is ${uid}`]),
  'panel-ids': ({ panels: all }) => {
    const ids = all.map(({ id }) => id);
    return new Set(ids).size === ids.length && ids.every((id) => id > 0) ? [] : ['panel ids are not unique'];
  },
  'panel-places': ({ panels: all }) => {
    const outside = all
      .filter(({ gridPos: { x, w } }) => x < 0 || x + w > GRID_WIDTH)
      .map(({ title }) => `panel "${title}" is outside of the grid`);
    const overlapping = all.flatMap((panel, index) =>
      all.slice(index + 1).flatMap((other) => (overlap(panel, other) ? [`panels "${panel.title}" and "${other.title}" overlap`] : [])),
    );
    return [...outside, ...overlapping];
  },
  'known-metrics': (dashboard) =>
    eachSelector(dashboard, ({ metric }) => (metric === '' || isKnown(metric) ? [] : [`${metric} is no metric`])),
  'known-labels': (dashboard) =>
    eachSelector(dashboard, ({ metric, matchers }) => matchers.flatMap((matcher) => labelProblems(metric, matcher))),
  'buckets-are-summed': (dashboard) =>
    eachSelector(dashboard, ({ metric, functions }) =>
      /_bucket$/.test(metric) && !functions.some((name) => name === 'sum' || name === 'rate') ? ['raw buckets'] : [],
    ),
  'links-carry-time': ({ links, panels: all }) => {
    const own = links.filter(({ keepTime }) => !keepTime).map(({ title }) => `link "${title}" drops the time`);
    const data = all.flatMap((panel) =>
      panel.type === 'row'
        ? []
        : (panel.fieldConfig.defaults.links ?? [])
            .filter(({ url }) => !url.includes('$' + '{__url_time_range}'))
            .map(({ title }) => `link "${title}" of "${panel.title}" drops the time`),
    );
    return [...own, ...data];
  },
  annotations: ({ annotations: { list } }) => {
    const names = list.map(({ name }) => name);
    const missing = ['Storms', 'Watcher restarts'].filter((name) => !names.includes(name)).map((name) => `has no annotation "${name}"`);
    return [...missing, ...list.flatMap(({ name, expr }) => syntaxProblem(expr).map((problem) => `annotation "${name}": ${problem}`))];
  },
};

/** All of its expressions, with where they stand; those of annotations too. */
export function expressionsOf(dashboard: Dashboard): readonly { readonly where: string; readonly expr: string }[] {
  const annotations = dashboard.annotations.list.map(({ name, expr }: Annotation) => ({ where: `annotation "${name}"`, expr }));
  return [...targets(dashboard), ...annotations];
}

export function panels(dashboard: Dashboard): readonly Panel[] {
  return dashboard.panels.filter((panel): panel is Panel => panel.type !== 'row');
}

function targets(dashboard: Dashboard): readonly (Target & { readonly where: string })[] {
  return panels(dashboard).flatMap(({ title, targets: all }) =>
    all.map((target) => ({ ...target, where: `panel "${title}" ${target.refId}` })),
  );
}

/** Problems of each selector of each query, with where it stands. A query that can't be read has its own rule. */
function eachSelector(dashboard: Dashboard, check: (selector: Selector) => readonly string[]): readonly string[] {
  return expressionsOf(dashboard).flatMap(({ where, expr }) => {
    if (syntaxProblem(expr).length > 0) return [];
    return selectorsOf(expr).flatMap((selector) => check(selector).map((problem) => `${where}: ${selector.metric} ${problem}`));
  });
}

function syntaxProblem(expression: string): readonly string[] {
  try {
    selectorsOf(expression);
    return [];
  } catch (error) {
    if (error instanceof RangeError) return [error.message];
    throw error;
  }
}

function queryVariables({ templating: { list } }: Dashboard): readonly QueryVariable[] {
  return list.filter((variable): variable is QueryVariable => variable.type === 'query');
}

function targetVariableProblems(dashboard: Dashboard, name: string, label: string): readonly string[] {
  const variable = queryVariables(dashboard).find((each) => each.name === name);
  if (variable === undefined) return [`has no variable ${name}`];
  const isRight =
    variable.label === label &&
    variable.datasource.uid === DATASOURCE &&
    variable.multi &&
    variable.includeAll &&
    variable.allValue === '.+';
  return isRight ? [] : [`variable ${name} is not multi with all = .+, labelled "${label}", of the chosen data source`];
}

function overlap({ gridPos: a }: Panel | RowPanel, { gridPos: b }: Panel | RowPanel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
