/** Is the watcher itself well: does it read, understand, and keep up? */
import { createDashboard } from '../dashboard.ts';
import { badFrom, stat, step, timeSeries } from '../panels.ts';
import { max, select, sum, sumIncrease, sumRate } from '../queries.ts';

export const WATCHER = createDashboard({
  uid: 'watcher',
  title: 'Watcher health',
  description: 'Silence out of a broken watcher must not look like health: does it read, understand, keep up, and keep its state?',
  from: 'now-6h',
  rows: [
    {
      title: 'Now',
      panels: [
        stat({
          title: 'Watchers up',
          description: 'That answer, of those that Prometheus knows.',
          unit: 'short',
          query: { expr: sum('up'), legend: 'up' },
          thresholds: [step('red', null), step('green', 1)],
        }),
        stat({
          title: 'Version',
          description: 'Of the watcher and of the Node it runs on.',
          unit: 'none',
          query: { expr: max('lotus_e2ee_watch_build_info', 'version, node_version'), legend: '{{version}} on {{node_version}}' },
          showsName: true,
        }),
        stat({
          title: 'Newest record read',
          description: 'Log time of the source that is furthest behind.',
          unit: 'dateTimeFromNow',
          query: { expr: `min(${select('lotus_e2ee_watch_last_record_timestamp_seconds')}) * 1000`, legend: 'record' },
        }),
        stat({
          title: 'Last commit',
          description: 'When the state was written to disk. A quiet log needs no commit.',
          unit: 'dateTimeFromNow',
          query: { expr: `min(${select('lotus_e2ee_watch_state_commit_timestamp_seconds')} > 0) * 1000`, legend: 'commit' },
          noValue: 'never',
        }),
        stat({
          title: 'Rules in force',
          description: 'Built-in ones and your own.',
          unit: 'short',
          query: { expr: max('lotus_e2ee_watch_rules_loaded'), legend: 'rules' },
        }),
        stat({
          title: 'Rules last taken',
          description: 'When configuration and rules on disk were last accepted.',
          unit: 'dateTimeFromNow',
          query: { expr: `min(${select('lotus_e2ee_watch_config_last_reload_success_timestamp_seconds')}) * 1000`, legend: 'reload' },
        }),
      ],
    },
    {
      title: 'Reading',
      panels: [
        timeSeries({
          title: 'Lines read',
          description: 'As Synapse writes them.',
          unit: 'cps',
          queries: [{ expr: sumRate('lotus_e2ee_watch_log_lines_total', 'instance, source'), legend: '{{instance}} {{source}}' }],
        }),
        timeSeries({
          title: 'Bytes read',
          description: 'As Synapse writes them.',
          unit: 'Bps',
          queries: [{ expr: sumRate('lotus_e2ee_watch_log_bytes_total', 'instance, source'), legend: '{{instance}} {{source}}' }],
        }),
        timeSeries({
          title: 'Bytes not read yet',
          description: 'Near 0 while the watcher keeps up.',
          unit: 'bytes',
          queries: [{ expr: max('lotus_e2ee_watch_unread_bytes', 'instance, source'), legend: '{{instance}} {{source}}' }],
        }),
        timeSeries({
          title: 'Catching up, and the last reload',
          description: 'catching up: 1 while what was written before is read. reload: 0 while refused rules are on disk.',
          unit: 'none',
          max: 1.2,
          queries: [
            { expr: max('lotus_e2ee_watch_catching_up', 'instance'), legend: '{{instance}} catching up' },
            { expr: max('lotus_e2ee_watch_config_last_reload_successful', 'instance'), legend: '{{instance}} reload' },
          ],
        }),
        timeSeries({
          title: 'Rotations',
          description: 'By how the file was replaced.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_watch_rotations_total', 'kind'), legend: '{{kind}}' }],
        }),
        timeSeries({
          title: 'Lost: gaps and bytes',
          description: 'Stretches of a log that can no longer be read, and their bytes as far as known.',
          unit: 'short',
          queries: [
            { expr: sumIncrease('lotus_e2ee_watch_gaps_total', 'source'), legend: '{{source}} gaps' },
            { expr: sumIncrease('lotus_e2ee_watch_lost_bytes_total', 'source'), legend: '{{source}} bytes' },
          ],
        }),
      ],
    },
    {
      title: 'Understanding',
      panels: [
        timeSeries({
          title: 'Records, and requests among them',
          description: 'Records without any request (Processed request): the access logger is above INFO, and the watcher is blind.',
          unit: 'cps',
          queries: [
            { expr: sumRate('lotus_e2ee_watch_log_records_total', 'source'), legend: '{{source}} records' },
            { expr: sumRate('lotus_e2ee_watch_access_lines_total', 'source'), legend: '{{source}} requests' },
          ],
        }),
        timeSeries({
          title: 'Not understood',
          description: 'Lines and records of a shape that the watcher does not know, by reason; lines that were too long.',
          unit: 'cps',
          queries: [
            { expr: sumRate('lotus_e2ee_watch_unrecognised_total', 'source, reason'), legend: '{{source}} {{reason}}' },
            { expr: sumRate('lotus_e2ee_watch_cut_lines_total', 'source'), legend: '{{source}} too long' },
          ],
        }),
        timeSeries({
          title: 'Requests put together',
          description: 'expired: no access line came. evicted: too many were open at a time.',
          unit: 'reqps',
          queries: [{ expr: sumRate('lotus_e2ee_watch_joins_total', 'outcome'), legend: '{{outcome}}' }],
        }),
        timeSeries({
          title: 'Requests still open',
          description: 'Their access line has not come yet; long polls among them.',
          unit: 'short',
          queries: [{ expr: sum('lotus_e2ee_watch_joins_open', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Records that may be forged',
          description: 'By what is wrong with them. They accuse nobody.',
          unit: 'short',
          queries: [{ expr: sumIncrease('lotus_e2ee_untrusted_records_total', 'reason'), legend: '{{reason}}' }],
        }),
      ],
    },
    {
      title: 'State',
      panels: [
        timeSeries({
          title: 'Commits that failed, states set aside or gone',
          description:
            'failed: the state could not be written to disk. set aside: it was damaged or foreign at a start. gone: its file was not there any more, and was written anew.',
          width: 8,
          unit: 'short',
          queries: [
            { expr: sumIncrease('lotus_e2ee_watch_state_commit_failures_total', 'instance'), legend: '{{instance}} failed' },
            { expr: sumIncrease('lotus_e2ee_watch_state_resets_total', 'instance'), legend: '{{instance}} set aside' },
            { expr: sumIncrease('lotus_e2ee_watch_state_rewrites_total', 'instance'), legend: '{{instance}} gone' },
          ],
        }),
        timeSeries({
          title: 'Time that a commit takes',
          description: 'So long nothing is read; scrapes are answered.',
          width: 8,
          unit: 's',
          queries: [{ expr: max('lotus_e2ee_watch_state_commit_duration_seconds', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'State on disk',
          description: 'Size of the database.',
          width: 8,
          unit: 'bytes',
          queries: [{ expr: max('lotus_e2ee_watch_state_bytes', 'instance'), legend: '{{instance}}' }],
        }),
      ],
    },
    {
      title: 'Cost',
      panels: [
        timeSeries({
          title: 'Devices with series of their own',
          description: 'Up to the limit; further ones count in _overflow.',
          unit: 'short',
          queries: [
            { expr: max('lotus_e2ee_watch_series', 'instance'), legend: '{{instance}}' },
            { expr: max('lotus_e2ee_watch_series_limit', 'instance'), legend: '{{instance}} limit' },
          ],
        }),
        timeSeries({
          title: 'Counts without room',
          description: 'Label sets that went to _overflow, by metric.',
          unit: 'short',
          queries: [
            {
              expr: `${sumIncrease('lotus_e2ee_watch_series_rejected_total', 'metric')} > 0 or ${sumIncrease('lotus_e2ee_watch_series_rejected_total')} * 0`,
              legend: '{{metric}}',
            },
          ],
        }),
        timeSeries({
          title: 'Processor',
          description: 'Seconds of processor time a second: 1 is one core.',
          unit: 'short',
          queries: [{ expr: sumRate('process_cpu_seconds_total', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Memory',
          description: 'In RAM.',
          unit: 'bytes',
          queries: [{ expr: max('process_resident_memory_bytes', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Scrapes',
          description: 'How long one takes, as Prometheus measures it.',
          unit: 's',
          queries: [{ expr: max('scrape_duration_seconds', 'instance'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'File descriptors',
          description: 'Share of those it may open.',
          unit: 'percentunit',
          queries: [{ expr: `max by (instance) (${select('process_open_fds')} / ${select('process_max_fds')})`, legend: '{{instance}}' }],
        }),
        stat({
          title: 'Started',
          description: 'When the watcher that was started last was started.',
          unit: 'dateTimeFromNow',
          query: { expr: `max(${select('process_start_time_seconds')}) * 1000`, legend: 'start' },
        }),
        stat({
          title: 'Restarts',
          description: 'In the time shown.',
          unit: 'short',
          query: { expr: `sum(changes(${select('process_start_time_seconds')}[$__range]))`, legend: 'restarts' },
          thresholds: badFrom(3),
        }),
        stat({
          title: 'Samples a scrape',
          description: 'What one scrape of all watchers adds to Prometheus.',
          unit: 'short',
          query: { expr: sum('scrape_samples_scraped'), legend: 'samples' },
        }),
      ],
    },
  ],
});
