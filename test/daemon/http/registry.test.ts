import { describe, expect, it } from 'vitest';
import { chooseFormat, renderMetrics } from '../../../daemon/http/registry.ts';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import type { ParsedSample } from './parse-exposition.ts';
import { parseExposition } from './parse-exposition.ts';
import { createSampleStore, HOSTILE_LABEL } from './sample-store.ts';

const FORMATS = ['text', 'openmetrics'] as const;
const DURATIONS = 'lotus_e2ee_delayed_event_request_duration_seconds';

function restartSamples(samples: readonly ParsedSample[] | undefined): readonly ParsedSample[] {
  return (samples ?? []).filter(({ labels }) => labels['action'] === 'restart' && labels['outcome'] === 'ok');
}

it.each(FORMATS)('%s of a small store is as recorded', async (format) => {
  const { body } = await renderMetrics(createSampleStore(), format);
  await expect(body).toMatchFileSnapshot(`golden/small-store.${format}.prom`);
});

it.each([
  ['text', 'text/plain; version=0.0.4; charset=utf-8'],
  ['openmetrics', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
] as const)('%s has its content type', async (format, contentType) => {
  expect((await renderMetrics(createSampleStore(), format)).contentType).toBe(contentType);
});

it.each(FORMATS)('%s has every family with its type and help, in the order of the catalogue', async (format) => {
  const families = parseExposition((await renderMetrics(createSampleStore(), format)).body, format);
  const expected = CATALOGUE.map(({ name, type, help }) => [format === 'text' ? name : name.replace(/_total$/, ''), type, help]);
  expect([...families.values()].map(({ name, type, help }) => [name, type, help])).toEqual(expected);
});

it('counters keep their names, whichever format was asked for before (client_js PR 829)', async () => {
  const store = createSampleStore();
  const before = await renderMetrics(store, 'text');
  const openMetrics = await renderMetrics(store, 'openmetrics');
  expect((await renderMetrics(store, 'text')).body).toBe(before.body);
  expect((await renderMetrics(store, 'openmetrics')).body).toBe(openMetrics.body);
  for (const body of [before.body, openMetrics.body]) expect(body).toContain('\nlotus_e2ee_key_uploads_total{outcome="conflict"} 44\n');
});

it.each(FORMATS)('%s has cumulative buckets up to the count, with bounds printed as floats', async (format) => {
  const families = parseExposition((await renderMetrics(createSampleStore(), format)).body, format);
  const samples = restartSamples(families.get(DURATIONS)?.samples);
  const buckets = samples.filter(({ name }) => name.endsWith('_bucket')).map(({ labels, value }) => [labels['le'], value]);
  expect(buckets).toEqual([
    ['0.05', 0],
    ['0.1', 0],
    ['0.25', 1],
    ['0.5', 1],
    ['1.0', 1],
    ['2.0', 2],
    ['3.0', 2],
    ['5.0', 2],
    ['8.0', 2],
    ['15.0', 2],
    ['30.0', 2],
    ['+Inf', 3],
  ]);
  expect(samples.slice(-2).map(({ name, value }) => [name, value])).toEqual([
    [`${DURATIONS}_sum`, 33.25],
    [`${DURATIONS}_count`, 3],
  ]);
});

it('exemplars are in OpenMetrics, with the log time where it is known, and nowhere else', async () => {
  const families = parseExposition((await renderMetrics(createSampleStore(), 'openmetrics')).body, 'openmetrics');
  const exemplars = restartSamples(families.get(DURATIONS)?.samples).flatMap(({ exemplar }) => exemplar ?? []);
  expect(exemplars).toEqual([
    { labels: { request_id: 'POST-1234' }, value: 0.25, timestamp: 1_782_820_800 },
    { labels: { request_id: HOSTILE_LABEL }, value: 2, timestamp: null },
  ]);
  expect((await renderMetrics(createSampleStore(), 'text')).body).not.toContain('request_id');
});

it.each(FORMATS)('%s shows the values of one moment, whatever is counted while it is rendered', async (format) => {
  const store = createSampleStore();
  const rendering = renderMetrics(store, format);
  store.counter('lotus_e2ee_otk_conflicts_total').add(1000);
  store.histogram('lotus_e2ee_to_device_delivery_seconds').observe(1);
  expect((await rendering).body).toBe((await renderMetrics(createSampleStore(), format)).body);
});

describe('format', () => {
  const prometheus242 =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const prometheus3 =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  it.each([
    ['Prometheus 2.42', prometheus242, 'openmetrics'],
    ['Prometheus 3', prometheus3, 'openmetrics'],
    [
      'Prometheus with native histograms',
      `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,${prometheus242}`,
      'openmetrics',
    ],
    ['a scraper that likes text better', 'application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5', 'text'],
    ['a scraper that likes both', 'text/plain, application/openmetrics-text', 'openmetrics'],
    ['a scraper that refuses OpenMetrics', 'application/openmetrics-text;q=0', 'text'],
    ['a scraper of OpenMetrics 2 only', 'application/openmetrics-text;version=2.0.0', 'text'],
    [
      'a scraper of OpenMetrics 2 or 1',
      'application/openmetrics-text;version=2.0.0,application/openmetrics-text;version="1.0.0";q=0.5',
      'openmetrics',
    ],
    ['a scraper that shouts', 'APPLICATION/OPENMETRICS-TEXT; VERSION=1.0.0', 'openmetrics'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    ['curl', '*/*', 'text'],
    ['nonsense', ';;q=,,=', 'text'],
    ['nothing', '', 'text'],
    ['no header', undefined, 'text'],
  ] as const)('for %s', (_, accept, format) => {
    expect(chooseFormat(accept)).toBe(format);
  });
});
