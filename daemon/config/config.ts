/**
 * What the daemon is told, typed: every setting with its unit in its name, every default, every bound. No YAML and no zod here, so a
 * command that needs only defaults (analyze) doesn't pay for them; load-config.ts turns the operator's file into this.
 *
 * A Config is whole and checked: whoever gets one needn't look again.
 */
import { basename } from 'node:path';
import type { ListenAddress } from './listen-address.ts';
import { machineTimeZone } from './time-zone.ts';

/** How a source's records are written; 'auto' looks at them. */
export const SOURCE_FORMATS = ['auto', 'text', 'json'] as const;
/** Where a source is begun when there is no state yet. */
export const START_POSITIONS = ['beginning', 'end'] as const;
/** How user and device ids appear in labels, API and log. */
export const IDENTIFIER_MODES = ['plain', 'hashed', 'none'] as const;
/** The watcher's own log, from most to least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type SourceFormat = (typeof SOURCE_FORMATS)[number];
export type StartPosition = (typeof START_POSITIONS)[number];
export type IdentifierMode = (typeof IDENTIFIER_MODES)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What one Synapse process logs to: a file (with its rotated generations), the systemd journal, our standard input. */
export interface SourceConfig {
  /** Left out: a file. */
  readonly kind?: 'journal' | 'standard_input';
  /** Of a file: absolute; relative paths were taken from the configuration's folder. Of the journal: a match, `_SYSTEMD_UNIT=matrix-synapse.service`. Else `-`. */
  readonly path: string;
  /** The label `source`, unique: 'homeserver.log'. */
  readonly name: string;
  readonly format: SourceFormat;
  /** IANA name of the zone of this log's stamps. */
  readonly timezone: string;
}

/** Everything the operator can set. */
export interface Config {
  /** At least one, at most MAX_SOURCES. */
  readonly sources: readonly SourceConfig[];
  /** Absolute. */
  readonly stateDirectory: string;
  readonly listen: ListenAddress;
  /** IANA name; what a source without its own zone has. */
  readonly timezone: string;
  readonly startAt: StartPosition;
  /** At the very first start, older generations are read too. */
  readonly readsOlderGenerations: boolean;
  /** The operator's own rules: absolute paths of folders or files, besides the built-in ones. */
  readonly extraRulePaths: readonly string[];
  readonly identifiers: IdentifierMode;
  readonly follow: FollowConfig;
  readonly limits: LimitsConfig;
  readonly log: { readonly level: LogLevel };
}

export interface FollowConfig {
  readonly pollIntervalMs: number;
  /** Ask the kernel to say when a file changed, between polls. */
  readonly usesHints: boolean;
}

/** What is kept in memory at most. */
export interface LimitsConfig {
  readonly maxDevices: number;
  readonly maxDeviceSeries: number;
  readonly maxOpenJoins: number;
  /** In log time. */
  readonly maxJoinAgeMs: number;
}

// Debian's path of Synapse's log (debian/log.yaml in element-hq/synapse).
const DEFAULT_SOURCE_PATH = '/var/log/matrix-synapse/homeserver.log';

/** The path that means standard input. */
export const STANDARD_INPUT_PATH = '-';

/** Files watched at once. Chosen: the largest known worker set-ups run about 50 processes a host. */
export const MAX_SOURCES = 64;

/** Extra rule folders and files. Chosen: an operator has one folder. */
export const MAX_EXTRA_RULE_PATHS = 32;

/** Least and most that each number may be (inclusive), in the unit of its setting. */
export const BOUNDS = {
  /** Below 20 ms polling costs more than parsing; above a minute a rotated file may be gone before it is seen. */
  pollIntervalMs: { min: 20, max: 60_000 },
  /** 4 to 5 KiB a device with 50 keys (measured, deploy/README.md): a million is 5 GiB, on a machine that has it. */
  maxDevices: { min: 100, max: 1_000_000 },
  /** 0 switches per-device series off; 5000 devices are some 50,000 series, where a Prometheus begins to notice. */
  maxDeviceSeries: { min: 0, max: 5_000 },
  maxOpenJoins: { min: 100, max: 1_000_000 },
  /** The shortest long poll is 10 s; nothing in Synapse is open for a day. */
  maxJoinAgeMs: { min: 10_000, max: 86_400_000 },
} as const;

/** Standard input as the only source: `run -`. */
export function standardInputSource(timezone: string): SourceConfig {
  return { kind: 'standard_input', path: STANDARD_INPUT_PATH, name: 'stdin', format: 'auto', timezone };
}

/** What holds with an empty file, or with none. The zone is read from the machine at each call. */
export function defaultConfig(): Config {
  const timezone = machineTimeZone();
  return {
    sources: [{ path: DEFAULT_SOURCE_PATH, name: basename(DEFAULT_SOURCE_PATH), format: 'auto', timezone }],
    stateDirectory: '/var/lib/lotus-e2ee-watch',
    listen: { host: '127.0.0.1', port: 9464 },
    timezone,
    startAt: 'beginning',
    readsOlderGenerations: false,
    extraRulePaths: [],
    identifiers: 'plain',
    follow: { pollIntervalMs: 250, usesHints: true },
    limits: { maxDevices: 100_000, maxDeviceSeries: 500, maxOpenJoins: 20_000, maxJoinAgeMs: 1_200_000 },
    log: { level: 'info' },
  };
}
