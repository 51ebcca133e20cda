/** The rule files and their unit tests, as plain data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DEPLOY } from '../known-metrics.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (AlertRule | RecordingRule)[];
}

/** One case of a promtool unit test. */
export interface AlertCase {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

interface TestFile {
  readonly rule_files: readonly string[];
  readonly tests: readonly { readonly name: string; readonly alert_rule_test?: readonly AlertCase[] }[];
}

export const RULES_FOLDER = join(DEPLOY, 'prometheus/rules');
const TESTS_FOLDER = join(DEPLOY, 'prometheus/tests');

export function readGroups(): readonly (RuleGroup & { readonly file: string })[] {
  return readdirSync(RULES_FOLDER).flatMap((file) =>
    (parse(readFileSync(join(RULES_FOLDER, file), 'utf8')) as { groups: readonly RuleGroup[] }).groups.map((group) => ({ ...group, file })),
  );
}

export function readAlerts(): readonly AlertRule[] {
  return readGroups().flatMap(({ rules }) => rules.filter((rule): rule is AlertRule => 'alert' in rule));
}

export function readRecordings(): readonly RecordingRule[] {
  return readGroups().flatMap(({ rules }) => rules.filter((rule): rule is RecordingRule => 'record' in rule));
}

/** Of alerts and of what they are recorded from. */
export function alertExpressions(): readonly string[] {
  return [...readAlerts(), ...readRecordings()].map(({ expr }) => expr);
}

export function readTests(): readonly (TestFile & { readonly file: string })[] {
  return readdirSync(TESTS_FOLDER).map((file) => ({ file, ...(parse(readFileSync(join(TESTS_FOLDER, file), 'utf8')) as TestFile) }));
}

export function readCases(): readonly AlertCase[] {
  return readTests().flatMap(({ tests }) => tests.flatMap(({ alert_rule_test: cases = [] }) => cases));
}
