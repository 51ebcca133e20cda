/**
 * The standard `process_*` families, read from the operating system at scrape time.
 *
 * In: the process, and Linux's /proc. Out: values in the store. Invariant: what can't be read (no /proc) stays 0; a scrape never
 * fails for it. The library's own default metrics aren't used: some of their names fail `promtool check metrics`
 * (reference/observability.md 1.2).
 */

import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import type { MetricStore } from '../../src/metrics/metric-store.ts';

/** `startedMs`: wall clock at start, milliseconds since 1970. */
export function updateProcessMetrics(store: MetricStore, startedMs: number): void {
  const { user, system } = process.cpuUsage();
  store.counter('process_cpu_seconds_total').value = (user + system) / 1e6;
  store.gauge('process_resident_memory_bytes').set(process.memoryUsage.rss());
  store.gauge('process_start_time_seconds').set(startedMs / 1000);
  store.gauge('process_open_fds').set(countOpenFiles());
  store.gauge('process_max_fds').set(readMaxOpenFiles());
}

function countOpenFiles(): number {
  try {
    // Reading the directory opens one more; it is among the names.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}

function readMaxOpenFiles(): number {
  try {
    // Sample: `Max open files            1024                 524288               files`; the first number is in force.
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
