/**
 * The configuration file's keys: what each may hold, what it means, its default as the operator would write it. The example file
 * (example.ts) and the JSON Schema for editors are made from this one description.
 *
 * It only checks; load-config.ts turns the checked file into a Config. Error texts are the second half of a sentence ("expected …").
 */
import { z } from 'zod';
import {
  BOUNDS,
  defaultConfig,
  IDENTIFIER_MODES,
  LOG_LEVELS,
  MAX_EXTRA_RULE_PATHS,
  MAX_SOURCES,
  SOURCE_FORMATS,
  START_POSITIONS,
} from './config.ts';
import { DURATION_PATTERN, formatDuration, parseDuration } from './duration.ts';
import { formatListenAddress, LISTEN_PATTERN, parseListenAddress } from './listen-address.ts';
import { mapping } from './schema-problems.ts';
import { isTimeZone } from './time-zone.ts';

/** The file as checked: every key optional, durations and addresses still text. */
export type ConfigFile = z.infer<ReturnType<typeof configSchema>>;

// PATH_MAX of Linux.
const MAX_PATH_LENGTH = 4096;

// A label's value: long enough for any file name, short enough for a legend.
const MAX_NAME_LENGTH = 255;

/** The schema, built when asked for: nothing is done at import. */
export function configSchema() {
  const defaults = defaultConfig();
  return mapping({
    sources: z
      .array(sourceSchema(), { error: 'a list of mappings with path or journal' })
      .min(1, { error: 'at least one source' })
      .max(MAX_SOURCES, { error: `at most ${MAX_SOURCES} sources` })
      .meta({
        description: 'The logs to watch, one entry for each Synapse process (main and workers).',
        default: [{ path: defaults.sources[0]?.path }],
      })
      .exactOptional(),
    state_directory: pathText({
      description: 'Where positions, counters and incidents are kept. The daemon must be able to write here.',
      default: defaults.stateDirectory,
    }),
    listen: checkedText('host:port, such as 127.0.0.1:9464, [::1]:9464 or 0.0.0.0:9464', (text) => parseListenAddress(text) !== undefined, {
      description:
        'Address of status page, metrics and API, as host:port. Port 0 takes any free one. An IPv6 address stands in brackets, and then in quotes: "[::1]:9464".',
      pattern: LISTEN_PATTERN,
      default: formatListenAddress(defaults.listen),
    }),
    timezone: zoneText(
      "Zone of the stamps in Synapse's log. Synapse writes its machine's local time without saying so; left out, this machine's zone is taken.",
    ),
    start_at: oneOf(START_POSITIONS, {
      description: 'Where the live file is begun at the very first start. Later starts go on where the last one stopped.',
      default: defaults.startAt,
    }),
    backfill: trueOrFalse({
      description: 'At the very first start, read the rotated generations (also .gz) before the live file.',
      default: defaults.readsOlderGenerations,
    }),
    rules: z
      .array(
        z
          .string({ error: 'the path of a folder or file' })
          .min(1, { error: 'the path of a folder or file' })
          .max(MAX_PATH_LENGTH, { error: 'a shorter path' }),
        {
          error: 'a list of folders or files',
        },
      )
      .max(MAX_EXTRA_RULE_PATHS, { error: `at most ${MAX_EXTRA_RULE_PATHS} paths` })
      .meta({
        description: 'Folders or files with rules of your own, in addition to the built-in ones: [/etc/lotus-e2ee-watch/rules].',
        default: [...defaults.extraRulePaths],
      })
      .exactOptional(),
    identifiers: oneOf(IDENTIFIER_MODES, {
      description: 'How user and device ids appear in metrics and pages: plain, hashed (with a key of this installation) or none.',
      default: defaults.identifiers,
    }),
    follow: followSchema(),
    limits: limitsSchema(),
    log: logSchema(),
  });
}

/** JSON Schema (draft 2020-12) of the configuration file, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return { title: 'lotus-e2ee-watch configuration', ...z.toJSONSchema(configSchema(), { io: 'input' }) };
}

function sourceSchema() {
  return mapping({
    path: z
      .string({ error: 'the path of a log file' })
      .refine(isPath, { error: 'the path of a log file' })
      .meta({ description: 'The live file; its rotated generations are found beside it. "-" is standard input.' })
      .exactOptional(),
    journal: checkedText(
      'the name of a unit, such as matrix-synapse.service, or one match, such as CONTAINER_NAME=synapse',
      isJournalMatch,
      {
        description: 'In place of a path: the unit whose lines in the systemd journal are read, or a match of journalctl (FIELD=value).',
        examples: ['matrix-synapse.service'],
      },
    ),
    name: checkedText(`a name of 1 to ${MAX_NAME_LENGTH} characters`, (text) => isOneLine(text) && text.length <= MAX_NAME_LENGTH, {
      description: "The label `source` of this file's series, unique. Left out, the file's name is taken.",
      examples: ['homeserver.log'],
    }),
    format: oneOf(SOURCE_FORMATS, { description: 'How records are written: auto looks at the file.', examples: ['auto'] }),
    timezone: zoneText('Zone of the stamps in this file, where it differs from `timezone` below.'),
  });
}

function followSchema() {
  const { follow } = defaultConfig();
  return mapping({
    poll_interval: duration(BOUNDS.pollIntervalMs, {
      description: 'How often the files are looked at.',
      default: formatDuration(follow.pollIntervalMs),
    }),
    hints: trueOrFalse({ description: 'Let the kernel tell about changes between two looks.', default: follow.usesHints }),
  })
    .meta({ description: 'How the log files are followed.' })
    .exactOptional();
}

function limitsSchema() {
  const { limits } = defaultConfig();
  return mapping({
    devices: wholeNumber(BOUNDS.maxDevices, {
      description: 'Devices remembered; the longest unseen healthy ones go first.',
      default: limits.maxDevices,
    }),
    device_series: wholeNumber(BOUNDS.maxDeviceSeries, {
      description: 'Devices that may have metric series of their own at one time; 0 for none.',
      default: limits.maxDeviceSeries,
    }),
    open_joins: wholeNumber(BOUNDS.maxOpenJoins, {
      description: 'Requests whose log records are held until their access line comes.',
      default: limits.maxOpenJoins,
    }),
    join_age: duration(BOUNDS.maxJoinAgeMs, {
      description: 'How long such a request is waited for, in log time.',
      default: formatDuration(limits.maxJoinAgeMs),
    }),
  })
    .meta({ description: 'What is kept in memory at most. What is let go is counted.' })
    .exactOptional();
}

function logSchema() {
  return mapping({
    level: oneOf(LOG_LEVELS, { description: 'debug, info, warn or error.', default: defaultConfig().log.level }),
  })
    .meta({ description: "The watcher's own log (JSON on standard output)." })
    .exactOptional();
}

function checkedText(expected: string, isRight: (text: string) => boolean, meta: z.core.GlobalMeta) {
  return z.string({ error: expected }).refine(isRight, { error: expected }).meta(meta).exactOptional();
}

function pathText(meta: z.core.GlobalMeta) {
  return checkedText('a path', isPath, meta);
}

function zoneText(description: string) {
  return checkedText('a time zone name, such as Europe/Berlin or UTC', isTimeZone, { description, examples: ['Europe/Berlin'] });
}

function duration(bounds: { readonly min: number; readonly max: number }, meta: z.core.GlobalMeta) {
  const isWithin = (text: string): boolean => {
    const durationMs = parseDuration(text);
    return durationMs !== undefined && durationMs >= bounds.min && durationMs <= bounds.max;
  };
  const expected = `a duration from ${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}, such as 250ms, 5s, 10m or 1h`;
  return checkedText(expected, isWithin, { ...meta, pattern: DURATION_PATTERN });
}

function wholeNumber({ min, max }: { readonly min: number; readonly max: number }, meta: z.core.GlobalMeta) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error }).meta(meta).exactOptional();
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values, meta: z.core.GlobalMeta) {
  return z
    .enum(values, { error: `one of ${values.join(', ')}` })
    .meta(meta)
    .exactOptional();
}

function trueOrFalse(meta: z.core.GlobalMeta) {
  return z.boolean({ error: 'true or false' }).meta(meta).exactOptional();
}

function isPath(text: string): boolean {
  return text.length > 0 && text.length <= MAX_PATH_LENGTH && !text.includes('\0');
}

/** A unit's name as it is, or `FIELD=value`. Globs would be several processes in one source, whose request numbers clash. */
function isJournalMatch(text: string): boolean {
  return isOneLine(text) && text.length <= MAX_NAME_LENGTH && /^(?:[\w:.@\\-]+|[A-Z_][A-Z0-9_]*=.+)$/.test(text);
}

function isOneLine(text: string): boolean {
  return text.trim() !== '' && !/\p{Cc}/u.test(text);
}
