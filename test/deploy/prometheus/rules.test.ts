// What promtool doesn't check of the rules: that each alert says all it has to, that each has a test where it fires and one where it doesn't
// (a test of an alert that doesn't exist passes), that the runbook knows it, that names are names, and that nothing is used that
// Prometheus 2.42 doesn't know yet or 3 doesn't know any more. Each check is a function, so that a planted mistake shows that it can fail.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEPLOY, familyOf, isKnown, labelProblems } from '../known-metrics.ts';
import { selectorsOf } from '../promql.ts';
import {
  type AlertCase,
  type AlertRule,
  alertExpressions,
  RULES_FOLDER,
  readAlerts,
  readCases,
  readGroups,
  readRecordings,
  readTests,
} from './read-rules.ts';

const ALERTS = readAlerts();
const CASES = readCases();
const RUNBOOK = readFileSync(join(DEPLOY, 'RUNBOOK.md'), 'utf8');

/** What an alert lacks; conventions of reference/observability.md 3.1. */
function problemsOf({ alert, labels, annotations }: AlertRule): readonly string[] {
  const { summary = '', description = '', runbook_url: runbook = '', dashboard_url: dashboard = '' } = annotations;
  return [
    /^LotusE2EE[A-Z]\w+$/.test(alert) ? '' : 'name',
    ['critical', 'warning', 'info'].includes(labels['severity'] ?? '') ? '' : 'severity',
    // The same for all that fire, so that it can head a group.
    /^[A-Z][^{}]*\.$/.test(summary) ? '' : 'summary',
    /\{\{/.test(description) && /[.?]$/.test(description) ? '' : 'description',
    runbook === `https://docs.example.org/lotus-e2ee-watch/RUNBOOK.md#${alert.toLowerCase()}` ? '' : 'runbook_url',
    dashboard.startsWith('https://grafana.example.org/d/lotus-e2ee-') ? '' : 'dashboard_url',
    // A fault of users says which; one of the watcher mutes them by that label.
    alert.startsWith('LotusE2EEWatch') === (labels['ke'] === undefined) ? '' : 'ke',
  ].filter((problem) => problem !== '');
}

/** Cases of one alert in which it fires, and in which it is silent. */
function coverageOf(alert: string, cases: readonly AlertCase[]): { readonly firing: number; readonly silent: number } {
  const own = cases.filter(({ alertname }) => alertname === alert);
  return {
    firing: own.filter(({ exp_alerts: expected }) => expected.length > 0).length,
    silent: own.filter(({ exp_alerts: expected }) => expected.length === 0).length,
  };
}

/** Headings of a section that are missing from the runbook. */
function missingFromRunbook(alert: string, runbook: string): readonly string[] {
  const section = runbook.split(/^### /m).find((text) => text.startsWith(`${alert}\n`)) ?? '';
  return ['**Meaning.**', '**Impact.**', '**Confirm.**', '**Next.**', '**Do not.**'].filter((heading) => !section.includes(heading));
}

/** A label or value that the metric doesn't have can never match. */
function unknownLabels(expression: string): readonly string[] {
  return selectorsOf(expression).flatMap(({ metric, matchers }) =>
    matchers.flatMap((matcher) => labelProblems(metric, matcher).map((problem) => `${metric} ${problem}`)),
  );
}

/** Bounds named in `le` that the histogram doesn't have, as our exposition prints them. */
function unknownBounds(expression: string): readonly string[] {
  return selectorsOf(expression).flatMap(({ metric, matchers }) => {
    const bounds = familyOf(metric)?.buckets?.map((bound) => (Number.isInteger(bound) ? `${bound}.0` : `${bound}`));
    const named = matchers.flatMap((matcher) => /^le="(.+)"$/.exec(matcher)?.[1] ?? []);
    return bounds === undefined ? [] : named.filter((bound) => !bounds.includes(bound)).map((bound) => `${metric} has no le="${bound}"`);
  });
}

describe.each(ALERTS.map((rule) => [rule.alert, rule] as const))('%s', (alert, rule) => {
  it('says all it has to', () => {
    expect(problemsOf(rule)).toEqual([]);
  });

  it('has a test where it fires and one where it is silent', () => {
    const { firing, silent } = coverageOf(alert, CASES);
    expect(firing).toBeGreaterThanOrEqual(1);
    expect(silent).toBeGreaterThanOrEqual(1);
  });

  it('has its section in the runbook', () => {
    expect(missingFromRunbook(alert, RUNBOOK)).toEqual([]);
  });
});

it('alert names occur once', () => {
  expect(new Set(ALERTS.map(({ alert }) => alert)).size).toBe(ALERTS.length);
});

it('no test is of an alert that does not exist', () => {
  const names = ALERTS.map(({ alert }) => alert);
  expect(CASES.map(({ alertname }) => alertname).filter((name) => !names.includes(name))).toEqual([]);
});

it('every rule file has its test file, which reads it', () => {
  const tests = readTests();
  const alertFiles = [...new Set(readGroups().flatMap(({ file, rules }) => (rules.some((rule) => 'alert' in rule) ? [file] : [])))];
  for (const file of alertFiles)
    expect(tests.find((test) => test.file === file.replace('.yml', '.test.yml'))?.rule_files).toContain(`../rules/${file}`);
});

it('the runbook has no section of an alert that is gone', () => {
  const sections = [...RUNBOOK.matchAll(/^### (LotusE2EE\w+)$/gm)].map(([, name]) => name);
  expect(sections.sort()).toEqual(ALERTS.map(({ alert }) => alert).sort());
});

it('rules name metrics, labels, values and buckets that exist', () => {
  const expressions = alertExpressions();
  expect(expressions.flatMap((expr) => selectorsOf(expr).map(({ metric }) => metric)).filter((metric) => !isKnown(metric))).toEqual([]);
  expect(expressions.flatMap(unknownLabels)).toEqual([]);
  expect(expressions.flatMap(unknownBounds)).toEqual([]);
});

it('recorded names say level, metric and operation', () => {
  expect(
    readRecordings()
      .map(({ record }) => record)
      .filter((name) => !/^[a-z_]+:[a-z0-9_]+:[a-z0-9_]+$/.test(name)),
  ).toEqual([]);
});

it('rules use nothing that only some versions of Prometheus know', () => {
  const text = readdirSync(RULES_FOLDER)
    .map((file) => readFileSync(join(RULES_FOLDER, file), 'utf8'))
    .join('\n');
  // 2.42 refuses labels and query_offset of a group; 3 dropped holt_winters and changed what `.` matches in a regex over lines.
  expect(text).not.toMatch(/^ {4}(?:labels|query_offset|limit):/m);
  expect(text).not.toMatch(/holt_winters|double_exponential_smoothing|sort_by_label|limitk|limit_ratio|info\(/);
  // Synapse's values hold no newline, so `.` means the same in both there.
  const dots = alertExpressions().flatMap((expr) =>
    selectorsOf(expr).flatMap(({ metric, matchers }) =>
      matchers.filter((matcher) => /[=!]~".*\./.test(matcher) && !metric.startsWith('synapse_')),
    ),
  );
  expect(dots).toEqual([]);
});

it('the command that the README gives replaces every placeholder', () => {
  const readme = readFileSync(join(DEPLOY, 'prometheus/README.md'), 'utf8');
  const replacements = [...readme.matchAll(/-e 's#([^#]+)#([^#]+)#'/g)].map(([, from = '', to = '']) => [from, to] as const);
  expect(replacements).toHaveLength(2);
  // Once a line, as sed does; anchors behind the base stay.
  const replaced = readdirSync(RULES_FOLDER).flatMap((file) =>
    readFileSync(join(RULES_FOLDER, file), 'utf8')
      .split('\n')
      .map((line) => replacements.reduce((text, [from, to]) => text.replace(from, to), line)),
  );
  expect(replaced.filter((line) => line.includes('example.org'))).toEqual([]);
  expect(replaced.some((line) => line.includes('https://YOUR-DOCS/RUNBOOK.md#lotuse2eeotkconflictstorm'))).toBe(true);
});

it('every alert stands in the table of the README, under its severity', () => {
  const readme = readFileSync(join(DEPLOY, 'prometheus/README.md'), 'utf8');
  const columns = ['critical', 'warning', 'info'];
  const listed = readme
    .split('\n')
    .filter((line) => /^\| (?:KE-|the watcher)/.test(line))
    .flatMap((line) =>
      line
        .split('|')
        .slice(2, 5)
        .flatMap((cell, index) =>
          cell
            .split(',')
            .map((name) => name.trim())
            .filter((name) => name !== '')
            .map((name) => `${columns[index]} LotusE2EE${name}`),
        ),
    );
  expect(listed.sort()).toEqual(ALERTS.map(({ alert, labels }) => `${labels['severity']} ${alert}`).sort());
});

describe('a planted mistake is found', () => {
  const [good] = ALERTS;
  if (good === undefined) throw new TypeError('Cannot plant a mistake: there are no alerts');

  it.each([
    ['no severity', { ...good, labels: { ke: 'KE-1' } }, ['severity']],
    [
      'a summary of one instance',
      { ...good, annotations: { ...good.annotations, summary: 'Storm on {{ $labels.instance }}.' } },
      ['summary'],
    ],
    [
      'the runbook of another alert',
      { ...good, annotations: { ...good.annotations, runbook_url: 'https://docs.example.org/' } },
      ['runbook_url'],
    ],
    ['no fault', { ...good, labels: { severity: 'info' } }, ['ke']],
  ])('%s', (_, rule, problems) => {
    expect(problemsOf(rule as AlertRule)).toEqual(problems);
  });

  it('an alert that is only tested to be silent', () => {
    expect(coverageOf('LotusE2EEX', [{ alertname: 'LotusE2EEX', exp_alerts: [] }])).toEqual({ firing: 0, silent: 1 });
  });

  it('a section without its next step', () => {
    expect(missingFromRunbook('LotusE2EEX', '### LotusE2EEX\n\n**Meaning.** a\n**Impact.** b\n**Confirm.** c\n**Do not.** d\n')).toEqual([
      '**Next.**',
    ]);
  });

  it('a value and a bucket that the catalogue does not have', () => {
    expect(unknownLabels('lotus_e2ee_devices{state="asleep"}')).toEqual(['lotus_e2ee_devices has no state="asleep"']);
    expect(unknownBounds('lotus_e2ee_to_device_delivery_seconds_bucket{le="1"}')).toEqual([
      'lotus_e2ee_to_device_delivery_seconds_bucket has no le="1"',
    ]);
  });
});
