/**
 * The operator's YAML file → Config. Every key is optional, an empty key counts as left out, an empty file gives the defaults. Either a
 * whole Config comes out or every problem at once, each with line, column and path; no text makes it throw.
 *
 * Relative paths are taken from the configuration file's folder, so that a file means the same from wherever the daemon is started.
 * Importing this costs yaml and zod (about 80 ms of CPU): commands that need only defaults take defaultConfig() from config.ts.
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type Config, defaultConfig, type FollowConfig, type LimitsConfig, type SourceConfig, STANDARD_INPUT_PATH } from './config.ts';
import { type ConfigFile, configSchema } from './config-schema.ts';
import { parseDuration } from './duration.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { type Checked, fileProblem, inTextOrder, type Problem, unreadableBecause } from './problem.ts';
import { checkSchema, placed } from './schema-problems.ts';
import { formatPath, type PlacedStatement, readYaml, type Statement, type YamlDocument } from './yaml-document.ts';

/** Reads and checks the file at `path`. A file that can't be read is a problem too, not an exception. */
export async function loadConfigFile(path: string): Promise<Checked<Config>> {
  try {
    return loadConfig(await readFile(path, 'utf8'), path);
  } catch (error) {
    return { ok: false, problems: [fileProblem(path, `Cannot read configuration: ${unreadableBecause(error)}, expected a YAML file`)] };
  }
}

/** Checks `text`, the contents of the file at `path` (named in problems; its folder is where relative paths begin). */
export function loadConfig(text: string, path: string): Checked<Config> {
  const reading = readYaml(text, path);
  if (!reading.ok) return reading;
  const { document, faults } = reading;
  const raw = withoutEmpty(document.value) ?? {};
  const checked = checkSchema(configSchema(), raw);
  const statements = [...('statements' in checked ? checked.statements : []), ...placeProblems(raw), ...nameClashes(raw, document)];
  const problems = [...faults, ...placed(statements, document)].map((statement) => configProblem(statement, path));
  if (problems.length > 0 || !('value' in checked)) return { ok: false, problems: inTextOrder(problems) };
  return { ok: true, value: configOf(checked.value, dirname(path)) };
}

function configProblem({ path, place, text }: PlacedStatement, file: string): Problem {
  const name = formatPath(path);
  return { file, ...place, path: name, message: name === '' ? `Cannot use configuration: ${text}` : `Cannot use "${name}": ${text}` };
}

// 'limits:' with all its lines commented out holds null: nothing was said. A list's entries stay, empty or not.
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutEmpty(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutEmpty(item)]));
}

// A source is read from one place.
function placeProblems(raw: unknown): readonly Statement[] {
  return rawSources(raw).flatMap((source: unknown, index): readonly Statement[] => {
    if (typeof source !== 'object' || source === null) return [];
    const hasPath = Object.hasOwn(source, 'path');
    const path = ['sources', index, 'path'] as const;
    if (hasPath && Object.hasOwn(source, 'journal'))
      return [{ path, about: 'value', text: 'stands beside journal, expected one of the two' }];
    if (hasPath || Object.hasOwn(source, 'journal')) return [];
    return [{ path, about: 'value', text: 'is missing, expected the path of a log file, or journal in its place' }];
  });
}

function rawSources(raw: unknown): readonly unknown[] {
  return typeof raw === 'object' && raw !== null && 'sources' in raw && Array.isArray(raw.sources) ? raw.sources : [];
}

// Two sources of one name would share their series, two of one file count all twice. Looks at whatever of `sources` makes sense.
function nameClashes(raw: unknown, document: YamlDocument): readonly Statement[] {
  const firstOf = new Map<string, number>();
  return rawSources(raw).flatMap((source: unknown, index): readonly Statement[] => {
    const path = textAt(source, 'path') ?? textAt(source, 'journal');
    if (path === undefined) return [];
    const given = textAt(source, 'name');
    const name = given ?? basename(path);
    const [samePath, sameName] = [firstOf.get(`path ${path}`), firstOf.get(`name ${name}`)];
    if (samePath === undefined) firstOf.set(`path ${path}`, index);
    if (sameName === undefined) firstOf.set(`name ${name}`, index);
    const line = (first: number): number => document.placeOfValue(['sources', first]).line;
    if (samePath !== undefined) {
      return [
        {
          path: ['sources', index, textAt(source, 'path') === undefined ? 'journal' : 'path'],
          about: 'value',
          text: `is ${JSON.stringify(path)} again, first in line ${line(samePath)}, expected another one`,
        },
      ];
    }
    if (sameName === undefined) return [];
    const text = `is ${JSON.stringify(name)}${given === undefined ? " (the file's name)" : ''}, as in line ${line(sameName)}, expected a name of its own`;
    return [{ path: ['sources', index, 'name'], about: 'value', text }];
  });
}

function textAt(value: unknown, key: 'path' | 'journal' | 'name'): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text = (value as Readonly<Record<string, unknown>>)[key];
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function configOf(file: ConfigFile, folder: string): Config {
  const defaults = defaultConfig();
  const timezone = file.timezone ?? defaults.timezone;
  return {
    sources:
      file.sources?.map((source) => sourceOf(source, folder, timezone)) ?? defaults.sources.map((source) => ({ ...source, timezone })),
    stateDirectory: file.state_directory === undefined ? defaults.stateDirectory : resolve(folder, file.state_directory),
    listen: listenOf(file.listen) ?? defaults.listen,
    timezone,
    startAt: file.start_at ?? defaults.startAt,
    readsOlderGenerations: file.backfill ?? defaults.readsOlderGenerations,
    extraRulePaths: file.rules?.map((path) => resolve(folder, path)) ?? defaults.extraRulePaths,
    identifiers: file.identifiers ?? defaults.identifiers,
    follow: followOf(file.follow, defaults.follow),
    limits: limitsOf(file.limits, defaults.limits),
    log: { level: file.log?.level ?? defaults.log.level },
  };
}

function sourceOf(source: NonNullable<ConfigFile['sources']>[number], folder: string, timezone: string): SourceConfig {
  const rest = { format: source.format ?? 'auto', timezone: source.timezone ?? timezone };
  if (source.journal !== undefined)
    return { kind: 'journal', path: journalMatch(source.journal), name: source.name ?? source.journal, ...rest };
  // A source without either was refused before.
  const path = source.path ?? '';
  if (path === STANDARD_INPUT_PATH) return { kind: 'standard_input', path, name: source.name ?? 'stdin', ...rest };
  return { path: resolve(folder, path), name: source.name ?? basename(path), ...rest };
}

/** `matrix-synapse` → `_SYSTEMD_UNIT=matrix-synapse.service`: what the unit's own processes wrote, not what systemd wrote about it. */
function journalMatch(text: string): string {
  if (text.includes('=')) return text;
  return `_SYSTEMD_UNIT=${/\.(?:service|scope)$/.test(text) ? text : `${text}.service`}`;
}

function listenOf(text: string | undefined): ListenAddress | undefined {
  return text === undefined ? undefined : parseListenAddress(text);
}

function followOf(follow: ConfigFile['follow'], defaults: FollowConfig): FollowConfig {
  return {
    pollIntervalMs: parseDuration(follow?.poll_interval ?? '') ?? defaults.pollIntervalMs,
    usesHints: follow?.hints ?? defaults.usesHints,
  };
}

function limitsOf(limits: ConfigFile['limits'], defaults: LimitsConfig): LimitsConfig {
  return {
    maxDevices: limits?.devices ?? defaults.maxDevices,
    maxDeviceSeries: limits?.device_series ?? defaults.maxDeviceSeries,
    maxOpenJoins: limits?.open_joins ?? defaults.maxOpenJoins,
    maxJoinAgeMs: parseDuration(limits?.join_age ?? '') ?? defaults.maxJoinAgeMs,
  };
}
