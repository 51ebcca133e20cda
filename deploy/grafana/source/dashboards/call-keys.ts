/** KE-2: call keys, which travel in to-device messages. */
import { createDashboard, deviceLink, INSTANCE_WITH_SYNAPSE, JOB_WITH_SYNAPSE } from '../dashboard.ts';
import { heatmap, timeSeries } from '../panels.ts';
import { quantile, select, sum, sumIncrease, sumRate } from '../queries.ts';

const DELIVERY = 'lotus_e2ee_to_device_delivery_seconds_bucket';

export const CALL_KEYS = createDashboard({
  uid: 'call-keys',
  title: 'Calls and media keys',
  description: 'KE-2: are the keys of a call sent, stored for the device, and fetched by it, and how long does that take?',
  from: 'now-3h',
  variables: [JOB_WITH_SYNAPSE, INSTANCE_WITH_SYNAPSE],
  rows: [
    {
      title: 'Faults',
      panels: [
        timeSeries({
          title: 'Call keys waiting',
          description: 'Stored for a device that is in the call, and not fetched for over 10 s. Needs the debug records of Synapse.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_call_keys_undelivered', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Open incidents of call keys',
          description: 'KE-2: pairs of which one does not get the keys of the other.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_incidents_open', 'instance', 'ke="KE-2"'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Unusable keys handed out',
          description: 'The cause of most of it: a message that was encrypted with one of these is never read, a call key neither.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_poisoned_claims_total', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Messages for devices that are gone',
          description: 'The sender has an old list of devices. If it was a call key, the new device got none.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_to_device_messages_total', 'instance', 'stage="dropped"'), legend: '{{instance}}' }],
        }),
      ],
    },
    {
      title: 'The way of a message',
      panels: [
        timeSeries({
          title: 'Sends by type',
          description: 'Requests that were answered 2xx. Call keys travel as m.room.encrypted; their own type is never seen on the wire.',
          unit: 'reqps',
          queries: [{ expr: `${sumRate('lotus_e2ee_to_device_sends_total', 'event_type', 'outcome="ok"')} > 0`, legend: '{{event_type}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Sends that failed',
          description: 'Answered with anything but 2xx.',
          unit: 'reqps',
          queries: [{ expr: sumRate('lotus_e2ee_to_device_sends_total', 'instance', 'outcome="failed"'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Messages by stage',
          description: 'stored and returned go together while all devices are there. Needs the debug records of Synapse.',
          unit: 'ops',
          queries: [{ expr: sumRate('lotus_e2ee_to_device_messages_total', 'stage'), legend: '{{stage}}' }],
        }),
        timeSeries({
          title: 'Messages by device',
          description: 'Of devices with an open or recent incident, or in a call: the ten with the most.',
          unit: 'ops',
          queries: [
            {
              expr: `topk(10, sum by (job, instance, user_id, device_id, stage) (rate(${select('lotus_e2ee_device_to_device_messages_total')}[$__rate_interval])))`,
              legend: '{{user_id}} {{device_id}} {{stage}}',
            },
          ],
          links: [deviceLink('__field.labels')],
        }),
      ],
    },
    {
      title: 'How long it takes',
      panels: [
        timeSeries({
          title: 'Time from stored to returned',
          description: 'A rotated call key is used 1 s after it was sent: what takes longer makes a short silence.',
          unit: 's',
          limit: 1,
          queries: [
            { expr: quantile(0.5, DELIVERY), legend: 'p50' },
            { expr: quantile(0.95, DELIVERY), legend: 'p95' },
            { expr: quantile(0.99, DELIVERY), legend: 'p99' },
          ],
        }),
        heatmap({
          title: 'Distribution of that time',
          description: 'What is in the topmost row was for a device that was away.',
          unit: 's',
          query: { expr: sumIncrease(DELIVERY, 'le'), legend: '{{le}}' },
        }),
        timeSeries({
          title: 'Messages delivered',
          description: 'How many the numbers above are made of, and their mean time.',
          unit: 'ops',
          queries: [{ expr: sumRate('lotus_e2ee_to_device_delivery_seconds_count', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Synapse: time to take a message',
          description: 'p99 of sendToDevice by its own measure. Needs the metrics of Synapse.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'synapse_http_server_response_time_seconds_bucket', '', 'servlet="SendToDeviceRestServlet"'),
              legend: 'p99',
            },
          ],
        }),
      ],
    },
  ],
});
