/** "Is anybody affected now, who, since when?" */
import { createDashboard, deviceLink } from '../dashboard.ts';
import { badFrom, stat, step, table, timeSeries } from '../panels.ts';
import { select, sum, sumIncrease, sumInRange, sumRate } from '../queries.ts';

const STORM = select('lotus_e2ee_device_storm_active');

/** Devices in a storm, with when it was first seen in the time shown; on the page of keys too. */
export const STORM_TABLE = table({
  title: 'Who is in a storm, and since when',
  description:
    'Devices whose one-time keys the server refuses again and again, now. Since: first seen within the time shown, so choose a longer one for an old storm. _overflow: devices that found no room, or whose ids are not shown.',
  unit: 'dateTimeFromNow',
  // In milliseconds, as Grafana wants times.
  query: {
    // The first half is blind to what began within the last minute.
    expr: `min by (instance, user_id, device_id, cause) ((min_over_time(timestamp(${STORM})[$__range:1m]) or timestamp(${STORM})) and ${STORM} > 0) * 1000`,
    legend: '{{user_id}} {{device_id}}',
  },
  columns: { user_id: 'User', device_id: 'Device', cause: 'Cause', instance: 'Seen by', Value: 'Since' },
  links: [deviceLink('__data.fields')],
});

export const OVERVIEW = createDashboard({
  uid: 'overview',
  title: 'Overview',
  description: 'Is anybody affected now, who, and since when: end-to-end-encryption faults as the homeserver log shows them.',
  from: 'now-6h',
  rows: [
    {
      title: 'Now',
      panels: [
        stat({
          title: 'Devices in a storm',
          description: 'KE-1: the server refuses their one-time keys again and again. They do not heal by themselves.',
          unit: 'short',
          query: { expr: sum('lotus_e2ee_active_storms'), legend: 'devices' },
          thresholds: badFrom(1),
        }),
        stat({
          title: 'Diverged and quiet',
          description: 'KE-1: had a storm, stopped trying, and are not healed: their unusable keys are still handed out.',
          unit: 'short',
          query: { expr: sum('lotus_e2ee_devices', '', 'state="dormant"'), legend: 'devices' },
          thresholds: [step('green', null), step('orange', 1)],
        }),
        stat({
          title: 'Unusable keys',
          description:
            'KE-1 leads to KE-2: keys claimed in the time shown whose private half was gone. What was encrypted with them stays unreadable.',
          unit: 'short',
          query: { expr: sumInRange('lotus_e2ee_poisoned_claims_total'), legend: 'keys' },
          decimals: 0,
          thresholds: badFrom(1),
        }),
        stat({
          title: 'Call keys waiting',
          description: 'KE-2: stored for a device that is in the call, and not fetched by it. Needs the debug records of Synapse.',
          unit: 'short',
          query: { expr: sum('lotus_e2ee_call_keys_undelivered'), legend: 'messages' },
          thresholds: badFrom(1),
        }),
        stat({
          title: 'Dropped out of calls',
          description: 'KE-4: memberships that the server ended in the time shown because no restart came in time.',
          unit: 'short',
          query: { expr: sumInRange('lotus_e2ee_delayed_event_drops_total'), legend: 'memberships' },
          decimals: 0,
          thresholds: [step('green', null), step('orange', 1)],
        }),
        stat({
          title: 'Newest record read',
          description: 'Log time of the source that is furthest behind. Nothing on this page is newer.',
          unit: 'dateTimeFromNow',
          query: { expr: `min(${select('lotus_e2ee_watch_last_record_timestamp_seconds')}) * 1000`, legend: 'record' },
        }),
      ],
    },
    { title: 'Who', panels: [STORM_TABLE] },
    {
      title: 'When',
      panels: [
        timeSeries({
          title: 'Storms by cause',
          description: 'Devices in a one-time-key storm. Their cause says what heals them.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_active_storms', 'cause'), legend: '{{cause}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Refused one-time-key uploads',
          description: 'On a healthy server this does not move. Two a minute are an idle storm.',
          unit: 'ops',
          queries: [{ expr: sumRate('lotus_e2ee_otk_conflicts_total', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Open incidents',
          description: 'By known fault: KE-1 one-time keys, KE-2 call keys, KE-3 undecryptable events, KE-4 delayed events.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_incidents_open', 'ke'), legend: '{{ke}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Delayed events that clients gave up on',
          description: 'KE-4, by what the homeserver did in that minute. Shown 35 s after it happened.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_delayed_event_client_timeouts_total', 'attribution'), legend: '{{attribution}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Is the watcher watching',
          description: '1: all watchers answer, and the rules on disk are in force. 0: see the page of the watcher.',
          unit: 'none',
          max: 1.2,
          width: 24,
          height: 5,
          queries: [
            { expr: `min(${select('up')})`, legend: 'all watchers answer' },
            { expr: `min(${select('lotus_e2ee_watch_config_last_reload_successful')})`, legend: 'all rules in force' },
          ],
        }),
      ],
    },
  ],
});
