/**
 * One dashboard as a page, drawn by Grafana's own libraries: its panel frames, time series, big values, table, units, thresholds, legends,
 * transformations and theme are those of @grafana/ui and @grafana/data.
 *
 * In: window.DASHBOARD (the committed JSON) and window.ANSWERS (what Prometheus answered to each target). Out: the page, and
 * document.title = 'drawn' when it is.
 *
 * Not Grafana's: the grid (its arithmetic is in Grafana's core: 24 columns, rows of 30 px with 8 px between), the row headings, and the
 * heatmap, whose panel isn't published as a library: a table of coloured cells stands in for it.
 */
import {
  applyFieldOverrides,
  createTheme,
  type DataFrame,
  dateTime,
  EventBusSrv,
  FieldType,
  getFieldDisplayName,
  getFieldDisplayValues,
  LoadingState,
  Registry,
  standardTransformers,
  standardTransformersRegistry,
  ThemeContext,
  type TimeRange,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, GlobalStyles, PanelChrome, PanelContextProvider, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';
import type { Dashboard, Panel, Target } from '../../deploy/grafana/source/model.ts';
import 'uplot/dist/uPlot.min.css';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

declare global {
  interface Window {
    DASHBOARD: Dashboard;
    /** By panel id, one list a target. */
    ANSWERS: Readonly<Record<number, readonly (readonly Series[])[]>>;
    SPAN: { readonly from: number; readonly to: number };
    WIDTH: number;
  }
}

const CELL_HEIGHT = 30;
const MARGIN = 8;

/** Of a field's configuration, what Grafana's core registers (public/app/core/components/OptionsUI/registry.tsx) and our dashboards use. */
const STANDARD = ['unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
/** Of the time series panel (public/app/plugins/panel/timeseries/config.ts). */
const CUSTOM = ['drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle', 'align', 'filterable'];

const property = (id: string, isCustom: boolean) => ({
  id: isCustom ? `custom.${id}` : id,
  path: id,
  isCustom,
  name: id,
  editor: () => null,
  override: () => null,
  process: (value: unknown) => value,
  shouldApply: () => true,
  settings: {},
});
const registry = new Registry<never>(() => [...STANDARD.map((id) => property(id, false)), ...CUSTOM.map((id) => property(id, true))] as never[]);
standardTransformersRegistry.setInit(() =>
  [standardTransformers.filterFieldsByNameTransformer, standardTransformers.organizeFieldsTransformer].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation: () => Promise.resolve(transformation),
    editor: () => null,
    imageDark: '',
    imageLight: '',
  })),
);

const PANEL_CONTEXT = { eventsScope: 'none', eventBus: new EventBusSrv(), canAddAnnotations: () => false } as never;

const theme = createTheme({ colors: { mode: 'dark' } });
const timeRange: TimeRange = (() => {
  const [from, to] = [dateTime(window.SPAN.from * 1000), dateTime(window.SPAN.to * 1000)];
  return { from, to, raw: { from, to } };
})();

/** `{{cause}}` → the label's value, as Grafana's Prometheus data source names series. */
function legendOf(format: string, metric: Series['metric']): string {
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
}

/** As Grafana's Prometheus data source makes them: a frame a series, or one table. */
function framesOf(target: Target, answer: readonly Series[]): DataFrame[] {
  if (target.format === 'table') {
    const labels = [...new Set(answer.flatMap(({ metric }) => Object.keys(metric)))];
    return [
      toDataFrame({
        refId: target.refId,
        fields: [
          { name: 'Time', type: FieldType.time, values: answer.map(({ values }) => (values[0]?.[0] ?? 0) * 1000) },
          ...labels.map((label) => ({ name: label, type: FieldType.string, values: answer.map(({ metric }) => metric[label] ?? '') })),
          { name: 'Value', type: FieldType.number, values: answer.map(({ values }) => Number(values[0]?.[1])) },
        ],
      }),
    ];
  }
  return answer.map(({ metric, values }) =>
    toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: values.map(([time]) => time * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          values: values.map(([, value]) => (value === 'NaN' ? null : Number(value))),
          labels: metric,
          config: { displayNameFromDS: legendOf(target.legendFormat, metric) },
        },
      ],
    }),
  );
}

async function dataOf(panel: Panel): Promise<DataFrame[]> {
  const answers = window.ANSWERS[panel.id] ?? [];
  const frames = panel.targets.flatMap((target, index) => framesOf(target, answers[index] ?? []));
  const transformed = panel.transformations ? await firstValueFrom(transformDataFrame([...panel.transformations], frames)) : frames;
  const overridden = applyFieldOverrides({
    data: transformed,
    fieldConfig: JSON.parse(JSON.stringify(panel.fieldConfig)),
    replaceVariables: (text: string) => text,
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: registry as never,
  });
  // The table takes its headings from here; Grafana's core has filled it in by then.
  for (const frame of overridden) for (const field of frame.fields) field.state = { ...field.state, displayName: getFieldDisplayName(field, frame, overridden) };
  return overridden;
}

function Body({ panel, data, width, height }: { readonly panel: Panel; readonly data: DataFrame[]; readonly width: number; readonly height: number }) {
  if (data.length === 0 || data.every(({ length }) => length === 0)) return <div style={{ textAlign: 'center', paddingTop: height / 3, color: theme.colors.text.secondary }}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
  if (panel.type === 'timeseries') return <TimeSeries frames={withGaps(data)} structureRev={1} width={width} height={height} timeRange={timeRange} timeZone="utc" legend={panel.options['legend'] as never} options={panel.options as never} />;
  if (panel.type === 'table') return <TableNG data={data[0] as DataFrame} width={width} height={height} structureRev={1} timeRange={timeRange} cellHeight={'sm' as never} />;
  if (panel.type === 'heatmap') return <Heatmap data={data} width={width} height={height} />;
  const values = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig as never,
    reduceOptions: panel.options['reduceOptions'] as never,
    replaceVariables: (text: string) => text,
    theme,
    data,
    timeZone: 'utc',
  });
  return (
    <>
      {values.slice(0, 1).map(({ display }) => (
        <BigValue
          key={display.title}
          value={panel.options['textMode'] === 'name' ? { ...display, text: display.title ?? '' , suffix: '', prefix: ''} : display}
          width={width}
          height={height}
          colorMode={panel.options['colorMode'] === 'background' ? BigValueColorMode.Background : BigValueColorMode.Value}
          graphMode={BigValueGraphMode.None}
          justifyMode={BigValueJustifyMode.Auto}
          textMode={BigValueTextMode.Value}
          theme={theme}
        />
      ))}
    </>
  );
}

/** The panel options that Grafana's time series panel turns into field configuration. */
function withGaps(data: DataFrame[]): DataFrame[] {
  return data.map((frame) => ({ ...frame, fields: frame.fields.map((field) => ({ ...field, config: { ...field.config, custom: { ...field.config.custom, ...(field.type === FieldType.time ? {} : { axisPlacement: 'auto' }) } } })) }));
}

/** Stand-in: a column a time, a row a bucket, as dark as there were observations. Buckets are cumulative in Prometheus; here each alone. */
function Heatmap({ data, width, height }: { readonly data: DataFrame[]; readonly width: number; readonly height: number }) {
  const rows = data
    .map((frame) => ({ le: frame.fields[1]?.labels?.['le'] ?? '', values: (frame.fields[1]?.values ?? []) as (number | null)[] }))
    .sort((a, b) => Number(a.le.replace('+Inf', 'Infinity')) - Number(b.le.replace('+Inf', 'Infinity')));
  const cells = rows.map(({ le, values }, index) => ({ le, values: values.map((value, at) => Math.max(0, (value ?? 0) - (index === 0 ? 0 : (rows[index - 1]?.values[at] ?? 0)))) }));
  const most = Math.max(...cells.flatMap(({ values }) => values), 1e-9);
  const rowHeight = height / Math.max(cells.length, 1);
  return (
    <div style={{ width, height, position: 'relative', fontSize: 10, color: theme.colors.text.secondary }}>
      {cells.map(({ le, values }, row) => (
        <div key={le}>
          <span style={{ position: 'absolute', left: 0, top: height - (row + 1) * rowHeight, lineHeight: `${rowHeight}px` }}>{le} s</span>
          {values.map((value, column) => (
            <div key={column} style={{ position: 'absolute', left: 44 + (column * (width - 44)) / values.length, top: height - (row + 1) * rowHeight, width: (width - 44) / values.length - 1, height: rowHeight - 1, background: value === 0 ? 'transparent' : `rgba(255, 120, 10, ${0.15 + 0.85 * Math.sqrt(value / most)})` }} />
          ))}
        </div>
      ))}
    </div>
  );
}

async function draw(): Promise<void> {
  const column = (window.WIDTH - MARGIN) / 24;
  const panels = await Promise.all(window.DASHBOARD.panels.map(async (panel) => ({ panel, data: panel.type === 'row' ? [] : await dataOf(panel) })));
  createRoot(document.getElementById('root') as HTMLElement).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles hackNoBackdropBlur={false} isExtensionSidebarOpen={false} />
      <PanelContextProvider value={PANEL_CONTEXT}>
        <h2 style={{ margin: '12px 8px 4px' }}>{window.DASHBOARD.title}</h2>
        <div style={{ position: 'relative' }}>
          {panels.map(({ panel, data }) => {
            const { x, y, w, h } = panel.gridPos;
            const box = { position: 'absolute' as const, left: x * column + MARGIN, top: y * (CELL_HEIGHT + MARGIN), width: w * column - MARGIN, height: h * (CELL_HEIGHT + MARGIN) - MARGIN };
            if (panel.type === 'row') return <h4 key={panel.id} style={{ ...box, paddingTop: 8 }}>{panel.title}</h4>;
            return (
              <div key={panel.id} style={box}>
                <PanelChrome title={panel.title} description={panel.description} width={box.width} height={box.height} loadingState={LoadingState.Done}>
                  {(innerWidth, innerHeight) => <Body panel={panel} data={data} width={innerWidth} height={innerHeight} />}
                </PanelChrome>
              </div>
            );
          })}
        </div>
      </PanelContextProvider>
    </ThemeContext.Provider>,
  );
  setTimeout(() => {
    document.title = 'drawn';
  }, 500);
}

draw().catch((error: unknown) => {
  document.body.append(String(error instanceof Error ? error.stack : error));
});
