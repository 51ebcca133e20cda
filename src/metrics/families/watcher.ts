/**
 * The watcher itself: joins, state, series, rules, configuration, version.
 */
import type { FamilySpec } from '../family-spec.ts';

export const WATCHER_FAMILIES = [
  {
    name: 'lotus_e2ee_watch_joins_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests put together from their records: closed by their access line, expired without one, or evicted because too many were open.',
    labels: [{ name: 'outcome', values: ['closed', 'expired', 'evicted'] }],
  },
  {
    name: 'lotus_e2ee_watch_joins_open',
    type: 'gauge',
    unit: 'requests',
    help: 'Requests whose access line has not come yet.',
    labels: [],
  },
  {
    name: 'lotus_e2ee_watch_catching_up',
    type: 'gauge',
    unit: 'boolean',
    help: 'Is 1 while the watcher reads what was written before: rates are then of the past, not of now.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_state_commit_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'When the state was last written to disk; 0 before the first time.',
    labels: [],
    isPerProcess: true,
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_watch_state_commit_failures_total',
    type: 'counter',
    unit: 'commits',
    help: 'Times the state could not be written to disk. The watcher goes on in memory; a crash then loses what it counted since the last commit.',
    labels: [],
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_watch_series',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices that have series of their own now.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_series_limit',
    type: 'gauge',
    unit: 'devices',
    help: 'Most devices that may have series of their own at a time; others count in user_id _overflow.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_series_rejected_total',
    type: 'counter',
    unit: 'refusals',
    help: 'Times a label set found no room in a bounded family and was counted in its _overflow series.',
    labels: [{ name: 'metric', maxValues: 100 }],
  },
  {
    name: 'lotus_e2ee_watch_rules_loaded',
    type: 'gauge',
    unit: 'rules',
    help: 'Rules in force.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_config_last_reload_successful',
    type: 'gauge',
    unit: 'boolean',
    help: 'Is 1 if the configuration and the rules on disk are the ones in force, 0 if they were refused and the last good ones stay.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'When configuration and rules were last taken; 0 before the first time.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_build_info',
    type: 'gauge',
    unit: 'constant 1',
    help: 'Is always 1; its labels say which version runs on which Node.',
    labels: [
      { name: 'version', maxValues: 1 },
      { name: 'node_version', maxValues: 1 },
    ],
    isPerProcess: true,
  },
] as const satisfies readonly FamilySpec[];
