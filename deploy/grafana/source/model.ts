/**
 * The part of Grafana's dashboard JSON (schema version 39, as file provisioning of Grafana 10 to 13 takes it) that our dashboards use.
 *
 * Types only: a misspelt field doesn't compile. Meaning of the fields: Grafana's "JSON model" documentation.
 */

/** Units that our panels have, by Grafana's ids. */
export type Unit = 'none' | 'short' | 's' | 'bytes' | 'Bps' | 'ops' | 'reqps' | 'cps' | 'percentunit' | 'dateTimeAsIso' | 'dateTimeFromNow';

export interface DatasourceRef {
  readonly type: 'prometheus';
  readonly uid: '${datasource}';
}

export interface Target {
  readonly refId: string;
  readonly datasource: DatasourceRef;
  readonly expr: string;
  /** Series' names: `{{cause}}`. */
  readonly legendFormat: string;
  readonly range: boolean;
  readonly instant: boolean;
  readonly format: 'time_series' | 'table' | 'heatmap';
  /** Ask for exemplars too. */
  readonly exemplar?: boolean;
}

export interface ThresholdStep {
  readonly color: string;
  /** null in the first step: from minus infinity on. */
  readonly value: number | null;
}

export interface DataLink {
  readonly title: string;
  readonly url: string;
  readonly targetBlank: boolean;
}

export interface FieldConfig {
  readonly defaults: {
    readonly unit: Unit;
    readonly min?: number;
    readonly max?: number;
    readonly decimals?: number;
    readonly noValue?: string;
    readonly color?: { readonly mode: string };
    readonly thresholds?: { readonly mode: 'absolute'; readonly steps: readonly ThresholdStep[] };
    readonly mappings?: readonly unknown[];
    readonly links?: readonly DataLink[];
    readonly custom?: Readonly<Record<string, unknown>>;
  };
  readonly overrides: readonly {
    readonly matcher: { readonly id: string; readonly options: string };
    readonly properties: readonly { readonly id: string; readonly value: unknown }[];
  }[];
}

export interface GridPos {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export type PanelType = 'stat' | 'timeseries' | 'table' | 'heatmap';

export interface Panel {
  readonly id: number;
  readonly type: PanelType;
  readonly title: string;
  readonly description: string;
  readonly datasource: DatasourceRef;
  readonly gridPos: GridPos;
  readonly targets: readonly Target[];
  readonly fieldConfig: FieldConfig;
  readonly options: Readonly<Record<string, unknown>>;
  readonly transformations?: readonly { readonly id: string; readonly options: unknown }[];
}

export interface RowPanel {
  readonly id: number;
  readonly type: 'row';
  readonly title: string;
  readonly collapsed: false;
  readonly gridPos: GridPos;
  readonly panels: readonly [];
}

export interface DatasourceVariable {
  readonly type: 'datasource';
  readonly name: 'datasource';
  readonly label: 'Data source';
  readonly query: 'prometheus';
}

export interface QueryVariable {
  readonly type: 'query';
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly datasource: DatasourceRef;
  readonly definition: string;
  readonly query: { readonly query: string; readonly refId: string };
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly current: { readonly text: string; readonly value: string } | Record<string, never>;
  /** 2: when the time range changes. */
  readonly refresh: 2;
  /** 1: by name. */
  readonly sort: 1;
}

export type Variable = DatasourceVariable | QueryVariable;

export interface Annotation {
  readonly name: string;
  readonly datasource: DatasourceRef;
  readonly enable: boolean;
  readonly hide: boolean;
  readonly iconColor: string;
  readonly expr: string;
  readonly step: string;
  readonly titleFormat: string;
  readonly textFormat: string;
  readonly tagKeys: string;
  readonly useValueForTime: boolean;
}

export interface DashboardLink {
  readonly type: 'dashboards' | 'link';
  readonly title: string;
  readonly tags: readonly string[];
  readonly url?: string;
  readonly asDropdown: boolean;
  readonly includeVars: boolean;
  readonly keepTime: boolean;
  readonly targetBlank: boolean;
  readonly icon: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly schemaVersion: 39;
  readonly version: 1;
  readonly editable: false;
  /** 1: a cross-hair at the same time in all panels, so that a fault lines up with its cause. */
  readonly graphTooltip: 1;
  readonly timezone: 'browser';
  readonly refresh: string;
  readonly time: { readonly from: string; readonly to: 'now' };
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
  readonly links: readonly DashboardLink[];
  readonly panels: readonly (Panel | RowPanel)[];
}
