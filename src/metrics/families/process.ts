/**
 * The process, under the names that every Prometheus client library gives them.
 */
import type { FamilySpec } from '../family-spec.ts';

export const PROCESS_FAMILIES = [
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    unit: 'seconds',
    help: 'Processor time of the watcher, user and system.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory of the watcher that is in RAM.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'When the watcher was started.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    unit: 'file descriptors',
    help: 'File descriptors the watcher has open.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_max_fds',
    type: 'gauge',
    unit: 'file descriptors',
    help: 'File descriptors the watcher may open.',
    labels: [],
    isPerProcess: true,
  },
] as const satisfies readonly FamilySpec[];
