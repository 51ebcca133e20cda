// Debian's promtool on the real files; and on a copy with one mistake in it for each gate, so that accepting means something.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../../deploy/grafana/source/dashboards.ts';
import { reasonToSkip } from '../../daemon/http/debian-binary.ts';
import { expressionsOf } from '../grafana/dashboard-rules.ts';
import { DEPLOY } from '../known-metrics.ts';

const skipped = reasonToSkip('promtool', 'prometheus');
const FOLDER = join(DEPLOY, 'prometheus');

function promtool(cwd: string, ...parameters: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', parameters, { cwd, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** As `rules/*.yml` of a shell. */
function filesIn(cwd: string, folder: string): readonly string[] {
  return readdirSync(join(cwd, folder)).map((file) => `${folder}/${file}`);
}

/** Two recordings of one name and one label set, which is what `--lint` looks for. */
const DOUBLE =
  'record: a:b:c\n        expr: up\n      - record: a:b:c\n        expr: up\n      - alert: LotusE2EEWatchDown\n        expr: up == 0\n        for: 5m';

const checkConfig = (cwd: string) => promtool(cwd, 'check', 'config', 'prometheus.yml');
const checkRules = (cwd: string) => promtool(cwd, 'check', 'rules', '--lint=all', '--lint-fatal', ...filesIn(cwd, 'rules'));
const testRules = (cwd: string) => promtool(cwd, 'test', 'rules', ...filesIn(cwd, 'tests'));
/** Only the tests of one rule file, which is all that a mistake in it needs. */
const testRulesOf = (name: string) => (cwd: string) => promtool(cwd, 'test', 'rules', `tests/${name}.test.yml`);

describe.skipIf(skipped !== '')(`promtool${skipped && ` (skipped: ${skipped})`}`, () => {
  const temporary = mkdtempSync(join(tmpdir(), 'lotus-promtool-'));
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  it('accepts the configuration, with all rule files', () => {
    const { status, output } = checkConfig(FOLDER);
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toContain(`SUCCESS: ${filesIn(FOLDER, 'rules').length} rule files found`);
  });

  it('accepts the rules, lint included', () => {
    expect(checkRules(FOLDER)).toMatchObject({ status: 0 });
  });

  it('runs all unit tests of the rules without a failure', () => {
    const { status, output } = testRules(FOLDER);
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output.match(/SUCCESS/g)).toHaveLength(filesIn(FOLDER, 'tests').length);
  });

  it('accepts every query of every dashboard', () => {
    const queries = DASHBOARDS.flatMap((dashboard) =>
      expressionsOf(dashboard).map(({ expr }) => expr.replaceAll(/\$__(?:rate_interval|range)/g, '1m')),
    );
    const rules = queries.map((expr, index) => `      - {record: 'panel:query:${index}', expr: ${JSON.stringify(expr)}}`);
    writeFileSync(join(temporary, 'queries.yml'), `groups:\n  - name: panels\n    rules:\n${rules.join('\n')}\n`);
    expect(queries.length).toBeGreaterThan(80);
    expect(promtool(temporary, 'check', 'rules', 'queries.yml')).toMatchObject({ status: 0 });
  });

  describe('refuses', () => {
    it.each([
      ['a misspelt key of the configuration', checkConfig, 'prometheus.yml', 'scrape_interval', 'scrape_intervall', 1],
      ['a rule file without rules', checkConfig, 'rules/recording.yml', 'groups:', 'group:', 1],
      ['an expression that is none', checkRules, 'rules/one-time-keys.yml', '> 5', '>> 5', 1],
      [
        'a rule that occurs twice',
        checkRules,
        'rules/watcher.yml',
        'alert: LotusE2EEWatchDown\n        expr: up{job="lotus-e2ee-watch"} == 0\n        for: 5m',
        DOUBLE,
        3,
      ],
      ['a threshold that was moved', testRulesOf('one-time-keys'), 'rules/one-time-keys.yml', '> 5', '> 50', 1],
      ['a summary that was changed', testRulesOf('watcher'), 'rules/watcher.yml', 'cannot be scraped', 'is gone', 1],
      ['an alert that fires too late', testRulesOf('call-keys'), 'rules/call-keys.yml', 'for: 1m', 'for: 9m', 1],
      [
        'a join that has lost its label',
        testRulesOf('delayed-events'),
        'rules/delayed-events.yml',
        'and on (server_name)',
        'and on (instance)',
        1,
      ],
    ] as const)('%s', (name, check, file, text, replacement, status) => {
      const copy = join(temporary, name.replaceAll(' ', '-'));
      cpSync(FOLDER, copy, { recursive: true });
      const before = readFileSync(join(copy, file), 'utf8');
      const after = before.replace(text, replacement);
      expect(after).not.toBe(before);
      writeFileSync(join(copy, file), after);
      expect(check(copy)).toMatchObject({ status });
    });
  });
});
