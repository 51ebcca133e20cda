// Each file in test/fixtures/bad-config is refused with exactly the problems in the .txt beside it (vitest -u rewrites those).

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, defaultConfig } from '../../../daemon/config/config.ts';
import { loadConfig, loadConfigFile } from '../../../daemon/config/load-config.ts';
import { formatProblem } from '../../../daemon/config/problem.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/bad-config');
const CASES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length));
const GOLDEN_AT_START = CASES.filter((name) => existsSync(join(FOLDER, `${name}.txt`)));

function problemsOf(text: string, path = 'config.yml'): string {
  const result = loadConfig(text, path);
  return result.ok ? 'no problem' : result.problems.map(formatProblem).join('\n');
}

function configOf(text: string, path = '/etc/watch/config.yml'): Config {
  const result = loadConfig(text, path);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.value;
}

describe('a bad configuration', () => {
  it.each(CASES)('%s is refused with all its problems', async (name) => {
    const result = loadConfig(readFileSync(join(FOLDER, `${name}.yml`), 'utf8'), `${name}.yml`);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    await expect(`${result.problems.map(formatProblem).join('\n')}\n`).toMatchFileSnapshot(join(FOLDER, `${name}.txt`));
  });

  it('has its problems written down for each case, and nothing else (a new case passes at the second run, once it was read)', () => {
    expect(GOLDEN_AT_START).toEqual(CASES);
    expect(CASES.length).toBeGreaterThan(20);
    expect(readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))).toEqual(CASES.map((name) => `${name}.txt`));
  });

  it('says of a file that is not there that it cannot be read', async () => {
    const result = await loadConfigFile('/nowhere/config.yml');
    expect(result.ok ? '' : result.problems.map(formatProblem)).toEqual([
      '/nowhere/config.yml: Cannot read configuration: it does not exist, expected a YAML file',
    ]);
  });

  it('is refused unread when it is too long', () => {
    expect(problemsOf(`#${'x'.repeat(1024 * 1024)}`)).toBe(
      'config.yml:1:1: Cannot parse YAML: text has 1048577 characters, expected at most 1048576',
    );
  });

  it.each([
    ['lists', '['.repeat(20_000)],
    ['closed lists', '['.repeat(20_000) + ']'.repeat(20_000)],
    ['entries', '- '.repeat(20_000)],
    ['mappings', '{a: '.repeat(20_000)],
    ['keys', '? '.repeat(20_000)],
  ])('is refused when its %s are nested deeper than a stack is', (_, text) => {
    expect(problemsOf(text)).toMatch(/^config\.yml:1:\d+: Cannot parse YAML: text is nested too deeply$/);
  });
});

describe('a configuration', () => {
  it.each([
    ['empty', ''],
    ['only a comment', '# nothing\n'],
    ['an empty document', '---\n'],
    ['sections without contents', 'follow:\nlimits:\n  devices:\nlog:\nlisten:\n'],
    ['a byte order mark', '\uFEFF# nothing\n'],
  ])('that is %s means the defaults', (_, text) => {
    expect(configOf(text)).toEqual(defaultConfig());
  });

  it('sets every setting', () => {
    const text = `
sources:
  - path: /srv/main.log
    name: main
    format: json
    timezone: Asia/Tokyo
  - path: worker.log
state_directory: ../state
listen: '[::1]:0'
timezone: Europe/Berlin
start_at: end
backfill: true
rules: [mine, /srv/rules.yml]
identifiers: hashed
follow: { poll_interval: 1m, hints: false }
limits: { devices: 100, device_series: 0, open_joins: 1000000, join_age: 24h }
log: { level: debug }
`;
    expect(configOf(text)).toEqual({
      sources: [
        { path: '/srv/main.log', name: 'main', format: 'json', timezone: 'Asia/Tokyo' },
        { path: '/etc/watch/worker.log', name: 'worker.log', format: 'auto', timezone: 'Europe/Berlin' },
      ],
      stateDirectory: '/etc/state',
      listen: { host: '::1', port: 0 },
      timezone: 'Europe/Berlin',
      startAt: 'end',
      readsOlderGenerations: true,
      extraRulePaths: ['/etc/watch/mine', '/srv/rules.yml'],
      identifiers: 'hashed',
      follow: { pollIntervalMs: 60_000, usesHints: false },
      limits: { maxDevices: 100, maxDeviceSeries: 0, maxOpenJoins: 1_000_000, maxJoinAgeMs: 86_400_000 },
      log: { level: 'debug' },
    } satisfies Config);
  });

  it('gives the default source the configured zone', () => {
    expect(configOf('timezone: Asia/Tokyo').sources.map((source) => source.timezone)).toEqual(['Asia/Tokyo']);
  });

  it.each([
    ['20ms', 20],
    ['60s', 60_000],
    ['1m', 60_000],
  ])('takes the poll interval %s, at a bound', (text, pollIntervalMs) => {
    expect(configOf(`follow: { poll_interval: ${text} }`).follow.pollIntervalMs).toBe(pollIntervalMs);
  });

  it.each(['19ms', '60001ms', '61s', '2m'])('refuses the poll interval %s, beyond a bound', (text) => {
    expect(problemsOf(`follow: { poll_interval: ${text} }`)).toBe(
      `config.yml:1:26: Cannot use "follow.poll_interval": is "${text}", expected a duration from 20ms to 1m, such as 250ms, 5s, 10m or 1h`,
    );
  });

  it('takes 64 sources and refuses 65', () => {
    const sources = (count: number): string =>
      `sources: [${Array.from({ length: count }, (_, index) => `{ path: /${index}.log }`).join(', ')}]`;
    expect(configOf(sources(64)).sources).toHaveLength(64);
    expect(problemsOf(sources(65))).toBe('config.yml:1:10: Cannot use "sources": is a list of 65, expected at most 64 sources');
  });
});
