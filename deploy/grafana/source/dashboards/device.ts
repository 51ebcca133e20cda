/** One device: where the links of the other pages and the storm alert lead. */
import { createDashboard, INSTANCE, JOB, queryVariable } from '../dashboard.ts';
import { heatmap, stat, table, timeSeries } from '../panels.ts';
import { quantile, select, sumIncrease, sumInRange, sumRate } from '../queries.ts';

const DEVICE = 'user_id="$user_id",device_id="$device_id"';
const DELAYED = 'lotus_e2ee_device_delayed_event_request_duration_seconds_bucket';
const FAMILIES =
  '{__name__=~"lotus_e2ee_device_(storm_active|otk_conflicts_total|to_device_messages_total|delayed_event_request_duration_seconds_count)"';
const STORM = select('lotus_e2ee_device_storm_active', DEVICE);

export const DEVICE_DRILL_DOWN = createDashboard({
  uid: 'device',
  title: 'Device',
  description: 'What the log says of one device. Only devices with an open or recent incident, or in a call, have series of their own.',
  from: 'now-6h',
  variables: [
    JOB,
    INSTANCE,
    queryVariable({
      name: 'user_id',
      label: 'User',
      description: 'Users with such devices.',
      query: `label_values(${FAMILIES},job=~"$job",instance=~"$instance"}, user_id)`,
    }),
    queryVariable({
      name: 'device_id',
      label: 'Device',
      description: 'Devices of this user.',
      query: `label_values(${FAMILIES},job=~"$job",instance=~"$instance",user_id="$user_id"}, device_id)`,
    }),
  ],
  rows: [
    {
      title: 'Now',
      panels: [
        stat({
          title: 'In a storm',
          description: 'KE-1: the cause of the storm that goes on now.',
          unit: 'none',
          query: { expr: `max by (cause) (${STORM}) > 0`, legend: '{{cause}}' },
          showsName: true,
          noValue: 'no',
          width: 6,
        }),
        stat({
          title: 'Refusals',
          description: 'KE-1: one-time-key uploads refused in the time shown.',
          unit: 'short',
          query: { expr: sumInRange('lotus_e2ee_device_otk_conflicts_total', '', DEVICE), legend: 'refusals' },
          decimals: 0,
          noValue: '0',
          width: 6,
        }),
        stat({
          title: 'Messages not fetched',
          description:
            'KE-2: to-device messages stored for it, less those returned to it, in the time shown. Needs the debug records of Synapse.',
          unit: 'short',
          query: {
            // Each is blind to the message that its series was born with.
            expr: `clamp_min(${sumInRange('lotus_e2ee_device_to_device_messages_total', '', `${DEVICE},stage="stored"`)} - ${sumInRange('lotus_e2ee_device_to_device_messages_total', '', `${DEVICE},stage="returned"`)}, 0)`,
            legend: 'messages',
          },
          decimals: 0,
          noValue: '–',
          width: 6,
        }),
        stat({
          title: 'Slowest delayed events',
          description: 'KE-4: p99 of its delayed-event requests in the time shown; it gives up at 2 s.',
          unit: 's',
          query: { expr: `histogram_quantile(0.99, sum by (le) (increase(${select(DELAYED, DEVICE)}[$__range])))`, legend: 'p99' },
          noValue: '–',
          width: 6,
        }),
        table({
          title: 'Storms of this device',
          description: 'KE-1: in the time shown, with their causes; last: when it was last seen to go on.',
          unit: 'dateTimeAsIso',
          query: {
            expr: `max by (instance, cause) (timestamp(${STORM}) or max_over_time(timestamp(${STORM})[$__range:1m])) * 1000`,
            legend: '{{cause}}',
          },
          columns: { cause: 'Cause', instance: 'Seen by', Value: 'Last' },
          height: 5,
        }),
      ],
    },
    {
      title: 'When',
      panels: [
        timeSeries({
          title: 'Storm',
          description: 'KE-1: 1 while it goes on.',
          unit: 'none',
          max: 1.2,
          queries: [{ expr: `max by (cause) (${STORM})`, legend: '{{cause}}' }],
        }),
        timeSeries({
          title: 'Refusals',
          description: 'KE-1: refused uploads of one-time keys.',
          unit: 'ops',
          queries: [{ expr: sumRate('lotus_e2ee_device_otk_conflicts_total', '', DEVICE), legend: 'refusals' }],
        }),
        timeSeries({
          title: 'To-device messages for it',
          description: 'KE-2: stored for it, returned to it, dropped because it was not known.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_device_to_device_messages_total', 'stage', DEVICE), legend: '{{stage}}' }],
        }),
        timeSeries({
          title: 'Its delayed events: time they take',
          description: 'KE-4: the client gives up on a restart after 2 s.',
          unit: 's',
          limit: 2,
          queries: [
            { expr: quantile(0.5, DELAYED, '', DEVICE), legend: 'p50' },
            { expr: quantile(0.99, DELAYED, '', DEVICE), legend: 'p99' },
          ],
        }),
        timeSeries({
          title: 'Its delayed events: how many',
          description: 'KE-4: about one every 5 s in a call.',
          unit: 'reqps',
          queries: [{ expr: sumRate('lotus_e2ee_device_delayed_event_request_duration_seconds_count', '', DEVICE), legend: 'requests' }],
        }),
        heatmap({
          title: 'Distribution of their time',
          description: 'KE-4: rows end at the timers of the client.',
          unit: 's',
          query: { expr: sumIncrease(DELAYED, 'le', DEVICE), legend: '{{le}}' },
        }),
      ],
    },
  ],
});
