// The committed dashboards keep every rule of Grafana's linter and our own; each rule was seen to find a planted mistake.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../../deploy/grafana/source/dashboards.ts';
import type { Dashboard } from '../../../deploy/grafana/source/model.ts';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import type { FamilySpec } from '../../../src/metrics/family-spec.ts';
import { DEPLOY, familyOf } from '../known-metrics.ts';
import { alertExpressions, readAlerts } from '../prometheus/read-rules.ts';
import { selectorsOf } from '../promql.ts';
import { type DashboardRule, expressionsOf, LINTER_RULES, OWN_RULES } from './dashboard-rules.ts';

const FOLDER = join(DEPLOY, 'grafana/dashboards');
/** What Grafana would read, not what the generator has in memory. */
const COMMITTED = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard);
const RULES: Readonly<Record<string, DashboardRule>> = { ...LINTER_RULES, ...OWN_RULES };

it('all dashboards are committed, and no others', () => {
  expect(COMMITTED.map(({ uid }) => uid).sort()).toEqual(DASHBOARDS.map(({ uid }) => uid).sort());
});

describe.each(COMMITTED.map((dashboard) => [dashboard.uid, dashboard] as const))('%s', (_, dashboard) => {
  it.each(Object.entries(RULES))('keeps %s', (_name, rule) => {
    expect(rule(dashboard)).toEqual([]);
  });
});

describe('each rule finds a mistake', () => {
  const [good] = DASHBOARDS;
  const text = JSON.stringify(good);
  const JOB = 'job=~\\"$job\\"';
  /** Changes of the JSON text, each of which breaks one rule. */
  const PLANTED: Readonly<Record<string, (text: string) => string>> = {
    'template-datasource-rule': (json) => json.replace('"label":"Data source"', '"label":"Datasource"'),
    'template-job-rule': (json) => json.replace('"allValue":".+"', '"allValue":".*"'),
    'template-instance-rule': (json) => json.replace('"label":"Instance"', '"label":"instance"'),
    'template-label-promql-rule': (json) =>
      json.replace('"query":"label_values(lotus_e2ee_watch_build_info,', '"query":"label_values(lotus_e2ee_watch_build_info{,'),
    'template-on-time-change-reload-rule': (json) => json.replace('"refresh":2', '"refresh":1'),
    'panel-datasource-rule': (json) =>
      json.replace('"type":"prometheus","uid":"$' + '{datasource}"},"targets"', '"type":"prometheus","uid":"mine"},"targets"'),
    'panel-title-description-rule': (json) => json.replace(/"description":"KE-1[^"]*"/, '"description":""'),
    'panel-units-rule': (json) => json.replace('"unit":"ops"', '"unit":"operations"'),
    'panel-no-targets-rule': (json) => json.replace(/"targets":\[\{[^\]]*?\}\]/, '"targets":[]'),
    'target-promql-rule': (json) => json.replace('"expr":"sum (', '"expr":"sum ('.concat('(')),
    'target-rate-interval-rule': (json) => json.replace(/(rate\(lotus[^[]*)\[\$__rate_interval\]/, '$1[5m]'),
    'target-job-rule': (json) => json.replace(`active_storms{${JOB},`, 'active_storms{'),
    'target-instance-rule': (json) => json.replace(`active_storms{${JOB},instance=~\\"$instance\\"`, `active_storms{${JOB}`),
    'target-counter-agg-rule': (json) =>
      json.replace(/"expr":"sum \(lotus_e2ee_active_storms/, '"expr":"sum (lotus_e2ee_otk_conflicts_total'),
    'target-logql-rule': (json) => json.replace(/("refId":"A","datasource":\{"type":)"prometheus"/, '$1"loki"'),
    'uneditable-dashboard': (json) => json.replace('"editable":false', '"editable":true'),
    'uid-prefix': (json) => json.replace('"uid":"lotus-e2ee-', '"uid":"'),
    'panel-ids': (json) => json.replace('"id":3', '"id":2'),
    'panel-places': (json) => json.replace('"x":4,"y":1', '"x":3,"y":1'),
    'known-metrics': (json) => json.replace('lotus_e2ee_incidents_open', 'lotus_e2ee_incident_open'),
    'known-labels': (json) => json.replace('state=\\"dormant\\"', 'state=\\"sleeping\\"'),
    'buckets-are-summed': (json) =>
      json.replace('"expr":"sum (lotus_e2ee_active_storms', '"expr":"max (lotus_e2ee_to_device_delivery_seconds_bucket'),
    'links-carry-time': (json) => json.replace('"keepTime":true', '"keepTime":false'),
    annotations: (json) => json.replace('"name":"Storms"', '"name":"Stormy"'),
  };

  it('there is a planted mistake for each', () => {
    expect(Object.keys(PLANTED).sort()).toEqual(Object.keys(RULES).sort());
  });

  it.each(Object.entries(PLANTED))('%s', (name, plant) => {
    const planted = plant(text);
    expect(planted).not.toBe(text);
    expect(RULES[name]?.(JSON.parse(planted) as Dashboard)).not.toEqual([]);
  });
});

it('every metric is on a panel or in an alert, or marked as debug', () => {
  const expressions = [...COMMITTED.flatMap((dashboard) => expressionsOf(dashboard).map(({ expr }) => expr)), ...alertExpressions()];
  const named = new Set(expressions.flatMap((expr) => selectorsOf(expr).map(({ metric }) => familyOf(metric)?.name)));
  const specs: readonly FamilySpec[] = CATALOGUE;
  expect(specs.filter(({ name, isDebug }) => named.has(name) === (isDebug === true)).map(({ name }) => name)).toEqual([]);
});

it('alerts lead to dashboards that exist, with variables that they have', () => {
  const wrong = readAlerts().flatMap(({ alert, annotations: { dashboard_url: url = '' } }) => {
    const [, uid, query = ''] = /^https:\/\/grafana\.example\.org\/d\/([a-z0-9-]+)\?(.*)$/.exec(url) ?? [];
    const dashboard = COMMITTED.find((each) => each.uid === uid);
    if (dashboard === undefined) return [`${alert}: ${url}`];
    const variables = dashboard.templating.list.map(({ name }) => `var-${name}`);
    const given = [...query.matchAll(/(?:^|&)([^=&]+)=/g)].map(([, name = '']) => name);
    const unknown = given.filter((name) => name !== 'from' && name !== 'to' && !variables.includes(name));
    const isTimed = given.includes('from') && given.includes('to');
    return unknown.length > 0 || !isTimed ? [`${alert}: ${unknown.join(', ')} ${isTimed ? '' : 'no time'}`] : [];
  });
  expect(wrong).toEqual([]);
});
