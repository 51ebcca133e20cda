/**
 * In: the Prometheus text of a peer (mtail, mawk, naive Node). Out: where it differs from the ground truth.
 *
 * Invariant: all three peers print the same families, those of peers-bench.mtail; sums are compared to a millisecond, all else exactly.
 */
import { REQUEST_CLASSES, type RequestClass, type Truth } from './generator/truth.ts';

/** A request class's name in a peer's label. */
const LABELS: Record<RequestClass, string> = {
  ...{ keys_upload: 'keys/upload', keys_claim: 'keys/claim', keys_query: 'keys/query', send_to_device: 'sendToDevice' },
  ...{ delayed_events: 'delayed_events', sync: 'sync', other: 'other' },
};
/** What a peer calls the to-device debug records, and which kinds of ours they are. */
const KINDS: readonly (readonly [string, readonly string[]])[] = [
  ['Storing', ['storing']],
  ['Sending', ['sending']],
  ['Returning', ['returning']],
  ['Queued', ['queued_outgoing']],
  ['Dropping', ['dropping_unknown', 'dropping_wildcard']],
  ['stream_id=', ['persisted']],
  ['to-device messages', ['awaking']],
];

export function peerDifferences(text: string, truth: Truth): string[] {
  const found = parseSamples(text);
  const expected = expectedSamples(truth);
  // By device only the number of devices is known here: the truth has them by key.
  const devices = [...found.keys()].filter((name) => name.startsWith('synapse_otk_conflicts_by_device_total'));
  for (const name of devices) found.delete(name);
  found.set('devices with conflicts', devices.length);
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((name) => {
    const [a, b] = [expected.get(name) ?? 0, found.get(name) ?? 0];
    return Math.abs(a - b) < 0.001 ? [] : [`${name}: expected ${a}, got ${b}`];
  });
}

function expectedSamples(truth: Truth): Map<string, number> {
  const samples = new Map<string, number>();
  for (const name of REQUEST_CLASSES) classSamples(samples, truth, name);
  samples.set('synapse_otk_upload_lines_total', truth.keys.adding_lines);
  samples.set('synapse_otk_conflicts_total{algorithm="signed_curve25519"}', truth.keys.conflict_lines);
  samples.set('devices with conflicts', truth.keys.conflict_devices);
  for (const [label, kinds] of KINDS) {
    const count = kinds.reduce((sum, kind) => sum + (truth.to_device[kind] ?? 0), 0);
    samples.set(`synapse_todevice_debug_total{kind="${label}"}`, count);
  }
  return samples;
}

function classSamples(samples: Map<string, number>, truth: Truth, name: RequestClass): void {
  const { by_status, hist, count, sum_ms } = truth.access.by_class[name];
  const label = `class="${LABELS[name]}"`;
  for (const [status, n] of Object.entries(by_status)) samples.set(`synapse_access_requests_total{${label},status="${status}"}`, n);
  let below = 0;
  for (const [i, n] of hist.entries()) {
    below += n;
    const bound = truth.access.le_ms[i];
    samples.set(`synapse_access_seconds_bucket{${label},le="${bound === undefined ? '+Inf' : bound / 1000}"}`, below);
  }
  samples.set(`synapse_access_seconds_sum{${label}}`, sum_ms / 1000);
  samples.set(`synapse_access_seconds_count{${label}}`, count);
}

/** `name{labels} value` by name; mtail's label `prog` is taken out, and so is a comment or an empty line. */
function parseSamples(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line);
    if (!match || line.startsWith('#')) continue;
    const name = (match[1] as string)
      .replace(/prog="[^"]*",?/, '')
      .replace(/,?\}$/, '}')
      .replace('{}', '');
    samples.set(name, Number(match[2]));
  }
  return samples;
}
