/**
 * In: a homeserver.log. Out: the counts that peers-bench.mtail makes, as Prometheus text: what somebody writes in Node in an afternoon.
 *   node naive-node.mjs homeserver.log
 * readline's 'line' event (faster than `for await`), one regular expression for the record, one for the access line, one for the path;
 * no metrics library (with prom-client it takes half as long again, reference/performance.md 3.1).
 */
import fs from 'node:fs';
import readline from 'node:readline';

const RECORD = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - (\S+) - (\d+) - ([A-Z]+) - (\S*) - (.*)$/;
const ACCESS =
  /\{([^}]*)\} Processed request: (-?\d+\.\d+)sec\/(-?\d+\.\d+)sec ru=\([^)]*\) db=\([^)]*\) (\d+)B (\d+)(!?) "([A-Z]+) ([^ "]+) [^"]*" "(.*)" \[\d+ dbevts\]$/;
const CLASS =
  /^\/_matrix\/client\/(?:r0|v1|v3|unstable)(?:\/org\.matrix\.[^/]+)?\/(keys\/upload|keys\/claim|keys\/query|sendToDevice|delayed_events|sync)(?:[/?]|$)/;
const ADDING = /^Adding one_time_keys dict_keys\(.*\) for device '([^']*)' for user '([^']*)' at \d+$/;
const CONFLICT = /> SynapseError: 400 - One time key ([^:]+):\S+ already exists\. Old key: /;
const TO_DEVICE = /^(Storing|Sending|Returning|Queued|Dropping|stream_id=|to-device messages)/;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const counts = new Map();
const histograms = new Map();
const devices = new Map();

const add = (name) => counts.set(name, (counts.get(name) ?? 0) + 1);

function observe(name, seconds) {
  let histogram = histograms.get(name);
  if (!histogram) {
    histogram = { sum: 0, buckets: new Array(BOUNDS.length + 1).fill(0) };
    histograms.set(name, histogram);
  }
  let i = 0;
  while (i < BOUNDS.length && seconds > BOUNDS[i]) i++;
  histogram.buckets[i]++;
  histogram.sum += seconds;
}

function onLine(line) {
  const record = RECORD.exec(line);
  if (!record) return;
  const [, , logger, , , request, message] = record;
  if (logger.startsWith('synapse.access.http')) {
    const access = ACCESS.exec(message);
    if (!access) return;
    const name = CLASS.exec(access[8])?.[1] ?? 'other';
    add(`synapse_access_requests_total{class="${name}",status="${access[5]}"}`);
    observe(name, Number(access[2]));
    if (name === 'keys/upload') devices.delete(request);
  } else if (logger === 'synapse.handlers.e2e_keys') {
    const adding = ADDING.exec(message);
    if (!adding) return;
    add('synapse_otk_upload_lines_total');
    devices.set(request, { device: adding[1], user: adding[2] });
  } else if (logger === 'synapse.http.server') {
    const conflict = CONFLICT.exec(message);
    if (!conflict) return;
    add(`synapse_otk_conflicts_total{algorithm="${conflict[1]}"}`);
    const { device = '', user = '' } = devices.get(request) ?? {};
    add(`synapse_otk_conflicts_by_device_total{device="${device}",user="${user}"}`);
  } else if (logger === 'synapse.9533_debug') {
    const kind = TO_DEVICE.exec(message);
    if (kind) add(`synapse_todevice_debug_total{kind="${kind[1]}"}`);
  }
}

function print() {
  for (const [name, value] of counts) console.log(`${name} ${value}`);
  for (const [name, { sum, buckets }] of histograms) {
    let count = 0;
    for (const [i, n] of buckets.entries()) {
      count += n;
      console.log(`synapse_access_seconds_bucket{class="${name}",le="${BOUNDS[i] ?? '+Inf'}"} ${count}`);
    }
    console.log(`synapse_access_seconds_sum{class="${name}"} ${sum}`);
    console.log(`synapse_access_seconds_count{class="${name}"} ${count}`);
  }
}

readline
  .createInterface({ input: fs.createReadStream(process.argv[2]), crlfDelay: Number.POSITIVE_INFINITY })
  .on('line', onLine)
  .on('close', print);
