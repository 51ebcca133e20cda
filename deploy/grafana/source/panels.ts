/**
 * The kinds of panels that our dashboards have, with what they have in common. Position and id are given by dashboard.ts.
 */
import type { DataLink, DatasourceRef, FieldConfig, Panel, Target, ThresholdStep, Unit } from './model.ts';

export const DATASOURCE: DatasourceRef = { type: 'prometheus', uid: `\${datasource}` };

/** A panel without a place yet. */
export type PanelSpec = Omit<Panel, 'id' | 'gridPos'> & {
  /** In units of Grafana's grid, which is 24 wide. */
  readonly width: number;
  readonly height: number;
};

export interface Query {
  readonly expr: string;
  /** `{{outcome}}`, or a fixed word. */
  readonly legend: string;
  readonly exemplar?: boolean;
}

interface Common {
  readonly title: string;
  /** What is seen, and what it means when it isn't as usual. */
  readonly description: string;
  readonly unit: Unit;
  readonly width?: number;
  readonly height?: number;
  readonly links?: readonly DataLink[];
}

export interface TimeSeriesSpec extends Common {
  readonly queries: readonly Query[];
  readonly isStacked?: boolean;
  /** A line across, from which on it's too much. */
  readonly limit?: number;
  readonly max?: number;
}

/** Lines over time. */
export function timeSeries({
  title,
  description,
  unit,
  queries,
  isStacked = false,
  limit,
  max,
  links = [],
  width = 12,
  height = 8,
}: TimeSeriesSpec): PanelSpec {
  return {
    type: 'timeseries',
    title,
    description,
    datasource: DATASOURCE,
    width,
    height,
    targets: queries.map((query, index) => target(query, index, { range: true, format: 'time_series' })),
    fieldConfig: fieldConfig(unit, {
      min: 0,
      ...(max === undefined ? {} : { max }),
      color: { mode: 'palette-classic' },
      ...(limit === undefined ? {} : { thresholds: absolute([step('green', null), step('red', limit)]) }),
      links,
      custom: {
        drawStyle: 'line',
        lineInterpolation: 'stepAfter',
        // Areas without lines: those of 0 would lie on top of the others.
        lineWidth: isStacked ? 0 : 1,
        fillOpacity: isStacked ? 60 : 0,
        showPoints: 'never',
        spanNulls: false,
        stacking: { mode: isStacked ? 'normal' : 'none', group: 'A' },
        thresholdsStyle: { mode: limit === undefined ? 'off' : 'line' },
      },
    }),
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

export interface StatSpec extends Common {
  readonly query: Query;
  readonly thresholds?: readonly ThresholdStep[];
  readonly mappings?: readonly unknown[];
  readonly decimals?: number;
  /** Shown where there is no value. */
  readonly noValue?: string;
  /** The name of the series instead of its value. */
  readonly showsName?: boolean;
}

/** Good at 0, bad from `bad` on. */
export function badFrom(bad: number): readonly ThresholdStep[] {
  return [step('green', null), step('red', bad)];
}

/** One number, as things stand. */
export function stat({
  title,
  description,
  unit,
  query,
  thresholds = [step('text', null)],
  mappings,
  decimals,
  noValue,
  showsName = false,
  links = [],
  width = 4,
  height = 4,
}: StatSpec): PanelSpec {
  return {
    type: 'stat',
    title,
    description,
    datasource: DATASOURCE,
    width,
    height,
    targets: [target(query, 0, { range: false, format: 'time_series' })],
    fieldConfig: fieldConfig(unit, {
      thresholds: absolute(thresholds),
      ...(decimals === undefined ? {} : { decimals }),
      ...(mappings === undefined ? {} : { mappings }),
      ...(noValue === undefined ? {} : { noValue }),
      color: { mode: 'thresholds' },
      links,
    }),
    options: {
      colorMode: thresholds.length > 1 ? 'background' : 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: showsName ? 'name' : 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  };
}

export interface TableSpec extends Common {
  readonly query: Query;
  /** Columns in their order: label or `Value` → heading. What isn't named is left out. */
  readonly columns: Readonly<Record<string, string>>;
}

/** One row a series, as things stand. `unit` is that of the value. */
export function table({ title, description, unit, query, columns, links = [], width = 24, height = 6 }: TableSpec): PanelSpec {
  const names = Object.keys(columns);
  return {
    type: 'table',
    title,
    description,
    datasource: DATASOURCE,
    width,
    height,
    targets: [target(query, 0, { range: false, format: 'table' })],
    fieldConfig: {
      defaults: { unit: 'none', noValue: '–', links, custom: { align: 'auto', filterable: true } },
      overrides: [{ matcher: { id: 'byName', options: columns['Value'] ?? 'Value' }, properties: [{ id: 'unit', value: unit }] }],
    },
    options: { showHeader: true, cellHeight: 'sm', footer: { show: false, reducer: ['sum'], fields: '' } },
    transformations: [
      { id: 'filterFieldsByName', options: { include: { names } } },
      {
        id: 'organize',
        options: { indexByName: Object.fromEntries(names.map((name, index) => [name, index])), renameByName: columns, excludeByName: {} },
      },
    ],
  };
}

export interface HeatmapSpec extends Common {
  /** Buckets by `le`, a rate or increase of each. */
  readonly query: Query;
}

/** How a distribution changes over time; `unit` is that of the buckets. */
export function heatmap({ title, description, unit, query, width = 12, height = 8 }: HeatmapSpec): PanelSpec {
  return {
    type: 'heatmap',
    title,
    description,
    datasource: DATASOURCE,
    width,
    height,
    targets: [target(query, 0, { range: true, format: 'heatmap' })],
    fieldConfig: fieldConfig(unit, { custom: { scaleDistribution: { type: 'linear' } } }),
    options: {
      calculate: false,
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64, reverse: false, exponent: 0.5, fill: 'dark-orange', scale: 'exponential' },
      cellGap: 1,
      yAxis: { unit, axisPlacement: 'left' },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      legend: { show: true },
      rowsFrame: { layout: 'auto' },
      showValue: 'never',
      tooltip: { mode: 'single', yHistogram: true },
    },
  };
}

function target(
  { expr, legend, exemplar }: Query,
  index: number,
  { range, format }: { readonly range: boolean; readonly format: Target['format'] },
): Target {
  return {
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    range,
    instant: !range,
    format,
    ...(exemplar === undefined ? {} : { exemplar }),
  };
}

function fieldConfig(unit: Unit, defaults: Omit<FieldConfig['defaults'], 'unit'>): FieldConfig {
  return { defaults: { unit, ...defaults }, overrides: [] };
}

function absolute(steps: readonly ThresholdStep[]): NonNullable<FieldConfig['defaults']['thresholds']> {
  return { mode: 'absolute', steps };
}

export function step(color: string, value: number | null): ThresholdStep {
  return { color, value };
}
