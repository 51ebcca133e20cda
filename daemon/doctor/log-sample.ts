/** The end of a log, read as the daemon reads it. In: bytes. Out: format, how many access lines, what was not understood, the last stamp. */
import { MetricStore } from '../../src/metrics/metric-store.ts';
import { Pipeline } from '../../src/pipeline.ts';
import type { LogFormat } from '../../src/records/log-format.ts';
import { loadRuleSet } from '../rules/rule-set-loader.ts';

/** So much of a log's end is looked at: minutes on a busy server, hours on a quiet one. */
export const SAMPLE_BYTES = 1024 * 1024;

export interface LogSample {
  readonly format: LogFormat | null;
  readonly lines: number;
  readonly records: number;
  readonly accessLines: number;
  /** With the most frequent reason first. */
  readonly unrecognised: readonly (readonly [reason: string, count: number])[];
  /** Of the last record, in the zone it was read with; null: there is none. */
  readonly lastTimeMs: number | null;
}

const NEWLINE = 0x0a;

export async function readSample(bytes: Uint8Array, timeZone: string, isWholeFile: boolean): Promise<LogSample> {
  const rules = await loadRuleSet({ extraPaths: [] });
  if (!rules.ok) throw new Error('Cannot read a sample: the built-in rules are wrong');
  const metrics = new MetricStore({ maxDeviceSeries: 0, identifiers: 'none', hashIdentifier: (text) => text });
  const stream = new Pipeline({ rules: rules.value, metrics }).addSource({ name: 'sample', timeZone });
  // The first line is cut unless the file begins there.
  const start = isWholeFile ? 0 : bytes.indexOf(NEWLINE) + 1;
  const rest = bytes.slice(start);
  stream.finish(rest, rest.length);
  const { lines, records, accessLines, lastTimeMs } = stream.counts;
  return {
    format: stream.format,
    lines,
    records,
    accessLines,
    unrecognised: [...stream.unrecognised].sort(([, one], [, other]) => other - one),
    lastTimeMs: Number.isNaN(lastTimeMs) ? null : lastTimeMs,
  };
}
