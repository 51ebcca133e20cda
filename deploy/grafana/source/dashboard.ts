/**
 * Puts panels into a dashboard: ids, places, and what every dashboard has (variables, annotations, links). Out: the JSON that is committed.
 */
import type { Annotation, Dashboard, DashboardLink, DataLink, Panel, QueryVariable, RowPanel, Variable } from './model.ts';
import { DATASOURCE, type PanelSpec } from './panels.ts';
import { select } from './queries.ts';

export interface DashboardSpec {
  /** Without the prefix that all have. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Example `now-3h`. */
  readonly from: string;
  readonly variables?: readonly Variable[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly PanelSpec[] }[];
}

const UID_PREFIX = 'lotus-e2ee-';
/** All our dashboards have it; the links between them go by it. */
const TAG = 'lotus-e2ee';
const GRID_WIDTH = 24;
const ROW_HEIGHT = 1;

/** Throws a RangeError where a panel is wider than the grid. */
export function createDashboard({ uid, title, description, from, variables = [JOB, INSTANCE], rows }: DashboardSpec): Dashboard {
  return {
    uid: `${UID_PREFIX}${uid}`,
    title: `Lotus E2EE / ${title}`,
    description,
    tags: [TAG],
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from, to: 'now' },
    templating: { list: [{ type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus' }, ...variables] },
    annotations: { list: ANNOTATIONS },
    links: LINKS,
    panels: place(rows),
  };
}

/** Rows below each other; in a row from left to right, on a new line where there is no room. */
function place(rows: DashboardSpec['rows']): readonly (Panel | RowPanel)[] {
  const placed: (Panel | RowPanel)[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: GRID_WIDTH, h: ROW_HEIGHT },
      panels: [],
    });
    y += ROW_HEIGHT;
    let x = 0;
    let lineHeight = 0;
    for (const { width, height, ...panel } of panels) {
      if (width > GRID_WIDTH)
        throw new RangeError(`Cannot place panel "${panel.title}": it is ${width} wide, expected ${GRID_WIDTH} at most`);
      if (x + width > GRID_WIDTH) {
        y += lineHeight;
        x = 0;
        lineHeight = 0;
      }
      placed.push({ id: placed.length + 1, ...panel, gridPos: { x, y, w: width, h: height } });
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return placed;
}

/** The series by which a watcher is known. */
const WATCHERS = 'lotus_e2ee_watch_build_info';

/** On boards that show Synapse's own metrics too, its jobs and instances can be chosen with the same variables. */
const WATCHERS_AND_SYNAPSE = '{__name__=~"lotus_e2ee_watch_build_info|synapse_build_info"}';

function targetVariable(name: 'job' | 'instance', label: string, description: string, series: string): QueryVariable {
  const matchers = name === 'instance' ? (series.endsWith('}') ? series.replace('}', ',job=~"$job"}') : `${series}{job=~"$job"}`) : series;
  return queryVariable({ name, label, description, query: `label_values(${matchers}, ${name})`, allValue: '.+' });
}

export const JOB = targetVariable('job', 'Job', 'Prometheus job of the watcher.', WATCHERS);
export const INSTANCE = targetVariable('instance', 'Instance', 'The watchers, one a homeserver host.', WATCHERS);
export const JOB_WITH_SYNAPSE = targetVariable('job', 'Job', 'Prometheus jobs of the watcher and of Synapse.', WATCHERS_AND_SYNAPSE);
export const INSTANCE_WITH_SYNAPSE = targetVariable('instance', 'Instance', 'Watchers and Synapse processes.', WATCHERS_AND_SYNAPSE);

/** `.*`, not `.+`: a watcher whose target has no such label is shown too. */
export const SERVER_NAME = queryVariable({
  name: 'server_name',
  label: 'Server name',
  description: 'The homeserver. The watcher has it where its scrape target says so.',
  query: 'label_values({__name__=~"lotus_e2ee_watch_build_info|synapse_build_info|synapse_server_name_info",job=~"$job"}, server_name)',
  allValue: '.*',
});

/** Several can be chosen, and all; one alone without `allValue`. */
export function queryVariable({
  name,
  label,
  description,
  query,
  allValue,
}: {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly query: string;
  readonly allValue?: string;
}): QueryVariable {
  const isMulti = allValue !== undefined;
  return {
    type: 'query',
    name,
    label,
    description,
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: `${name}` },
    multi: isMulti,
    includeAll: isMulti,
    ...(isMulti ? { allValue } : {}),
    current: isMulti ? { text: 'All', value: '$__all' } : {},
    refresh: 2,
    sort: 1,
  };
}

/**
 * Link of a panel that shows devices to the page of one, at the same time and of the same watchers. `from`: where user and device stand,
 * in the fields of a table's row or in the labels of a line.
 */
export function deviceLink(from: '__data.fields' | '__field.labels'): DataLink {
  const page = `/d/${UID_PREFIX}device?\${__url_time_range}&\${datasource:queryparam}&\${job:queryparam}&\${instance:queryparam}`;
  return {
    title: 'This device',
    // percentencode: user ids hold characters that end a parameter.
    url: `${page}&var-user_id=\${${from}.user_id:percentencode}&var-device_id=\${${from}.device_id:percentencode}`,
    targetBlank: false,
  };
}

const ANNOTATIONS: readonly Annotation[] = [
  annotation({
    name: 'Storms',
    color: 'red',
    expr: `sum by (cause) (${select('lotus_e2ee_active_storms')}) > 0`,
    title: 'One-time-key storm',
    text: 'cause: {{cause}}',
    tagKeys: 'cause',
  }),
  annotation({
    name: 'Alerts',
    color: 'orange',
    expr: 'ALERTS{job=~"$job",instance=~"$instance",alertname=~"LotusE2EE.+",alertstate="firing"}',
    title: '{{alertname}}',
    text: '{{severity}} {{instance}}',
    tagKeys: 'severity,ke',
  }),
  annotation({
    name: 'Watcher restarts',
    color: 'blue',
    // Of the watchers alone, where the instances of Synapse can be chosen too.
    expr: `changes(${select('process_start_time_seconds')}[$__rate_interval]) > 0 and on (job, instance) ${select('lotus_e2ee_watch_build_info')}`,
    title: 'Watcher started',
    text: '{{instance}}',
    tagKeys: 'instance',
  }),
];

function annotation({
  name,
  color,
  expr,
  title,
  text,
  tagKeys,
}: {
  readonly name: string;
  readonly color: string;
  readonly expr: string;
  readonly title: string;
  readonly text: string;
  readonly tagKeys: string;
}): Annotation {
  return {
    name,
    datasource: DATASOURCE,
    enable: true,
    hide: false,
    iconColor: color,
    expr,
    step: '15s',
    titleFormat: title,
    textFormat: text,
    tagKeys,
    useValueForTime: false,
  };
}

const LINKS: readonly DashboardLink[] = [
  {
    type: 'dashboards',
    title: 'Lotus E2EE',
    tags: [TAG],
    asDropdown: true,
    includeVars: true,
    keepTime: true,
    targetBlank: false,
    icon: 'external link',
  },
  // Synapse's own dashboard (contrib/grafana) has this tag.
  {
    type: 'dashboards',
    title: 'Matrix',
    tags: ['matrix'],
    asDropdown: true,
    includeVars: false,
    keepTime: true,
    targetBlank: false,
    icon: 'external link',
  },
];

/** As committed. */
export function renderDashboard(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
