/** KE-4 on one time axis with the homeserver's latency: question 4 at a glance. */
import { createDashboard, INSTANCE_WITH_SYNAPSE, JOB_WITH_SYNAPSE, SERVER_NAME } from '../dashboard.ts';
import { heatmap, timeSeries } from '../panels.ts';
import { quantile, select, sumIncrease, sumRate } from '../queries.ts';

const SERVER = 'server_name=~"$server_name"';
const DELAYED = 'lotus_e2ee_delayed_event_request_duration_seconds_bucket';
const OWN = 'lotus_e2ee_homeserver_request_duration_seconds_bucket';
const SYNAPSE = 'synapse_http_server_response_time_seconds_bucket';
/** As the recording rule of deploy/prometheus has it: nothing that waits on purpose, nothing twice. */
const NOT_SYNC = `${SERVER},servlet!~"SyncRestServlet|SlidingSyncRestServlet|EventStreamRestServlet|Replication.+",code!="429"`;
const RESTARTS = `${SERVER},servlet=~"(Restart|Update)DelayedEventServlet"`;

/** The whole width: these panels are read one below the other, at the same time. */
const WIDE = { width: 24, height: 7 } as const;

export const DELAYED_EVENTS = createDashboard({
  uid: 'delayed-events',
  title: 'Delayed events × homeserver latency',
  description:
    'KE-4, question 4: do time-outs of delayed events come together with a slow homeserver? Our figures from the log and those of Synapse itself, on one time axis.',
  from: 'now-3h',
  variables: [JOB_WITH_SYNAPSE, INSTANCE_WITH_SYNAPSE, SERVER_NAME],
  rows: [
    {
      title: 'Question 4',
      panels: [
        timeSeries({
          title: 'Delayed events that clients gave up on',
          description:
            'By what the homeserver did in that minute: slow (its own processing, a stall, or p99 of the other requests at 1 s or more), healthy, or unknown (too few other requests). Shown 35 s after it happened: the minute around it decides.',
          unit: 'short',
          queries: [
            { expr: sumIncrease('lotus_e2ee_delayed_event_client_timeouts_total', 'attribution', SERVER), legend: '{{attribution}}' },
          ],
          isStacked: true,
          ...WIDE,
        }),
        timeSeries({
          title: 'Homeserver p99, without syncs',
          description:
            'By the log and by Synapse. The log tells the true time of requests that the client did not wait for; Synapse counts those only up to the hang-up. Synapse has no bucket above 10 s.',
          unit: 's',
          limit: 1,
          queries: [
            { expr: quantile(0.99, OWN, '', SERVER), legend: 'by the log' },
            { expr: quantile(0.99, SYNAPSE, '', NOT_SYNC), legend: 'by Synapse' },
          ],
          ...WIDE,
        }),
        timeSeries({
          title: 'Delayed events: time they take',
          description: 'Processing time by the log. The client gives up on a restart after 2 s.',
          unit: 's',
          limit: 2,
          queries: [
            { expr: quantile(0.5, DELAYED, '', SERVER), legend: 'p50 by the log', exemplar: true },
            { expr: quantile(0.99, DELAYED, '', SERVER), legend: 'p99 by the log' },
            { expr: quantile(0.99, SYNAPSE, '', RESTARTS), legend: 'p99 of restarts by Synapse' },
          ],
          ...WIDE,
        }),
        timeSeries({
          title: 'Dropped out of calls',
          description: 'Memberships that the server ended because no restart came in time.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_delayed_event_drops_total', 'instance', SERVER), legend: '{{instance}}' }],
          ...WIDE,
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        timeSeries({
          title: 'By outcome',
          description: 'rate_limited: 429 of rc_delayed_event_mgmt. not_found: the delayed event was sent or cancelled before.',
          unit: 'reqps',
          queries: [{ expr: sumRate('lotus_e2ee_delayed_event_request_duration_seconds_count', 'outcome', SERVER), legend: '{{outcome}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'By action',
          description: 'One restart about every 5 s for each person in a call. unknown: the old form, with its action in the body.',
          unit: 'reqps',
          queries: [{ expr: sumRate('lotus_e2ee_delayed_event_request_duration_seconds_count', 'action', SERVER), legend: '{{action}}' }],
          isStacked: true,
        }),
        heatmap({
          title: 'Distribution of their time',
          description: 'Rows end at the timers of the client: 2 s gives up, 3 s is the slack left, 8 s the leave was sent.',
          unit: 's',
          query: { expr: sumIncrease(DELAYED, 'le', SERVER), legend: '{{le}}', exemplar: true },
        }),
        timeSeries({
          title: 'Share of restarts over 2 s',
          description: 'The objective is 1 % at most.',
          unit: 'percentunit',
          limit: 0.01,
          queries: [
            {
              expr: `1 - sum by (instance) (rate(${select(DELAYED, `${SERVER},action=~"restart|unknown",le="2.0"`)}[$__rate_interval])) / sum by (instance) (rate(${select('lotus_e2ee_delayed_event_request_duration_seconds_count', `${SERVER},action=~"restart|unknown"`)}[$__rate_interval]))`,
              legend: '{{instance}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Why the homeserver is slow (metrics of Synapse)',
      panels: [
        timeSeries({
          title: 'Database queries, p99',
          description: 'Needs the metrics of Synapse.',
          unit: 's',
          queries: [{ expr: quantile(0.99, 'synapse_storage_query_time_bucket', 'verb', SERVER), legend: '{{verb}}' }],
        }),
        timeSeries({
          title: 'Waiting for a database connection, p99',
          description: 'High while queries are quick: the pool is too small. Needs the metrics of Synapse.',
          unit: 's',
          queries: [{ expr: quantile(0.99, 'synapse_storage_schedule_time_bucket', '', SERVER), legend: 'p99' }],
        }),
        timeSeries({
          title: 'Event loop, p99 of a tick',
          description: 'High: Python itself is busy or stalls, whatever the database does. Needs the metrics of Synapse.',
          unit: 's',
          queries: [{ expr: quantile(0.99, 'python_twisted_reactor_tick_time_bucket', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Events not yet worked on',
          description: 'How far each consumer of events is behind, delayed events among them. Needs the metrics of Synapse.',
          unit: 'short',
          queries: [
            {
              expr: `max by (server_name) (${select('synapse_event_persisted_position', SERVER)}) - on (server_name) group_right () max by (server_name, name) (${select('synapse_event_processing_positions', SERVER)})`,
              legend: '{{name}}',
            },
          ],
        }),
      ],
    },
  ],
});
