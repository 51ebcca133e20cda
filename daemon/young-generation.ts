/**
 * Keeps V8's young generation small. Left alone it grows to 128 MiB while much is read, and is given back late: on a machine that this program shares with
 * a homeserver that is memory for nothing. Measured on 256 MiB of log: bounded like this the peak is a fifth lower, and no more time is needed.
 *
 * V8 takes `--max-semi-space-size` at its start only, and a program can't give itself flags; but it asks for the growth factor each time it lets the young
 * generation grow. So once that is large enough, the factor becomes 1. In: garbage collections. Out: nothing; after that nobody is told of them any more.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves together. Smaller ones make objects old that would have died young: dearer by a tenth at a quarter of this. */
const YOUNG_GENERATION_BYTES = 16 * 1024 * 1024;

export function boundYoungGeneration(): void {
  const observer = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    if ((young?.space_size ?? 0) < YOUNG_GENERATION_BYTES) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}
