/** All dashboards, by the name of the file that is committed in deploy/grafana/dashboards. */
import { CALL_KEYS } from './dashboards/call-keys.ts';
import { DELAYED_EVENTS } from './dashboards/delayed-events.ts';
import { DEVICE_DRILL_DOWN } from './dashboards/device.ts';
import { ONE_TIME_KEYS } from './dashboards/one-time-keys.ts';
import { OVERVIEW } from './dashboards/overview.ts';
import { WATCHER } from './dashboards/watcher.ts';
import type { Dashboard } from './model.ts';

export const DASHBOARDS: readonly Dashboard[] = [OVERVIEW, ONE_TIME_KEYS, CALL_KEYS, DELAYED_EVENTS, WATCHER, DEVICE_DRILL_DOWN];

/** `lotus-e2ee-overview.json` */
export function fileName({ uid }: Dashboard): string {
  return `${uid}.json`;
}
