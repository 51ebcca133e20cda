/** KE-1: one-time keys, uploaded, refused, claimed. */
import { createDashboard, deviceLink, INSTANCE_WITH_SYNAPSE, JOB_WITH_SYNAPSE } from '../dashboard.ts';
import { table, timeSeries } from '../panels.ts';
import { select, sum, sumIncrease, sumInRange, sumRate } from '../queries.ts';
import { STORM_TABLE } from './overview.ts';

export const ONE_TIME_KEYS = createDashboard({
  uid: 'one-time-keys',
  title: 'One-time keys',
  description: 'KE-1: devices whose one-time keys no longer fit what the server has of them, and what others got of those keys.',
  from: 'now-6h',
  variables: [JOB_WITH_SYNAPSE, INSTANCE_WITH_SYNAPSE],
  rows: [
    {
      title: 'Devices',
      panels: [
        STORM_TABLE,
        timeSeries({
          title: 'Devices that are not well',
          description:
            'isolated: a few refusals, none after. storm: refused again and again. dormant: gone quiet, still diverged. closed: deleted, for instance by a logout.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_devices', 'state', 'state!="healthy"'), legend: '{{state}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Devices heard of',
          description: 'All, whatever their state.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_devices', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Storms by cause',
          description: 'What heals a device goes by the cause: see the runbook.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_active_storms', 'cause'), legend: '{{cause}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Flagged devices',
          description:
            'Most flags stay. hot_loop: over 60 refusals a minute. critical: 10 a second. silent_identity_change: new identity keys without a login. exhausted: the fallback key was handed out.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_flagged_devices', 'flag'), legend: '{{flag}}' }],
          isStacked: true,
        }),
      ],
    },
    {
      title: 'Uploads',
      panels: [
        timeSeries({
          title: 'Refusals',
          description:
            'One-time-key uploads answered 400 because the key id exists with another key. From the line on, a client retries without a pause.',
          unit: 'ops',
          limit: 5,
          queries: [{ expr: sumRate('lotus_e2ee_otk_conflicts_total', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Refusals by device',
          description: 'The ten with the most. Only devices with an open or recent incident have series.',
          unit: 'ops',
          queries: [
            {
              expr: `topk(10, sum by (job, instance, user_id, device_id) (rate(${select('lotus_e2ee_device_otk_conflicts_total')}[$__rate_interval])))`,
              legend: '{{user_id}} {{device_id}}',
            },
          ],
          links: [deviceLink('__field.labels')],
        }),
        timeSeries({
          title: 'Key uploads by outcome',
          description:
            'accepted: stored. conflict: refused (KE-1). client_gave_up: the client did not wait; the server may have stored them. failed: 5xx.',
          unit: 'reqps',
          queries: [{ expr: sumRate('lotus_e2ee_key_uploads_total', 'outcome'), legend: '{{outcome}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Refused uploads, by the watcher and by Synapse',
          description:
            'Both must go together. Where Synapse counts and the watcher does not, a log is not being read. Needs the metrics of Synapse.',
          unit: 'reqps',
          queries: [
            { expr: sumRate('lotus_e2ee_key_uploads_total', '', 'outcome=~"conflict|rejected"'), legend: 'watcher' },
            {
              expr: sumRate('synapse_http_server_response_time_seconds_count', '', 'servlet="KeyUploadServlet",code="400"'),
              legend: 'Synapse',
            },
          ],
        }),
      ],
    },
    {
      title: 'Claims',
      panels: [
        timeSeries({
          title: 'Keys handed out',
          description: 'fallback: the device had no one-time key left.',
          unit: 'ops',
          queries: [{ expr: sumRate('lotus_e2ee_key_claims_total', 'kind'), legend: '{{kind}}' }],
          isStacked: true,
        }),
        timeSeries({
          title: 'Unusable keys handed out',
          description: 'Their private half was gone at the time: what the claimer encrypts with them stays unreadable.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_poisoned_claims_total', 'instance'), legend: '{{instance}}' }],
        }),
        table({
          title: 'Devices with the most refusals',
          description: 'In the time shown, from the second one on: those with series of their own.',
          unit: 'short',
          query: {
            expr: `topk(20, ${sumInRange('lotus_e2ee_device_otk_conflicts_total', 'instance, user_id, device_id')})`,
            legend: '{{user_id}} {{device_id}}',
          },
          columns: { user_id: 'User', device_id: 'Device', instance: 'Seen by', Value: 'Refusals' },
          links: [deviceLink('__data.fields')],
        }),
      ],
    },
  ],
});
