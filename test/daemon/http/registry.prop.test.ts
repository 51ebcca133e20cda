import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderMetrics } from '../../../daemon/http/registry.ts';
import { toLabelText } from '../../../src/metrics/label-text.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { parseExposition } from './parse-exposition.ts';

/** Any UTF-16 text, lone surrogates included, with many of the characters that the formats use themselves. */
const hostileText = fc
  .array(fc.oneof(fc.constantFrom(...'"\\\n\r {}=,#\0'.split(''), '\ud800', '😀'), fc.string({ unit: 'binary', maxLength: 4 })), {
    maxLength: 20,
  })
  .map((parts) => parts.join(''));
const format = fc.constantFrom('text', 'openmetrics');

/** As it arrives: encoded by one side, decoded by the other. */
function overTheWire(body: string): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(new TextEncoder().encode(body));
}

it('any label text scrapes cleanly and arrives as it was', async () => {
  await fc.assert(
    fc.asyncProperty(format, fc.uniqueArray(hostileText, { selector: toLabelText, maxLength: 10 }), async (kind, texts) => {
      const store = new MetricStore();
      for (const [index, text] of texts.entries()) {
        store.counter('lotus_e2ee_watch_log_lines_total', text).add(index);
        store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', `@${text}:hs`, text, 0).add(index);
        store.histogram('lotus_e2ee_to_device_delivery_seconds').observe(index, text);
      }
      const families = parseExposition(overTheWire((await renderMetrics(store, kind)).body), kind);
      const suffix = kind === 'text' ? '_total' : '';
      const sources = families.get(`lotus_e2ee_watch_log_lines${suffix}`)?.samples ?? [];
      expect(new Map(sources.map(({ labels, value }) => [labels['source'], value]))).toEqual(
        new Map(texts.map((text, index) => [toLabelText(text), index])),
      );
      const devices = families.get(`lotus_e2ee_device_otk_conflicts${suffix}`)?.samples ?? [];
      expect(new Set(devices.map(({ labels }) => `${labels['user_id']} ${labels['device_id']}`))).toEqual(
        new Set(texts.map((text) => `${toLabelText(`@${text}:hs`)} ${toLabelText(text)}`)),
      );
    }),
  );
});

it('any number is printed so that it reads back the same', async () => {
  const numbers = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger());
  await fc.assert(
    fc.asyncProperty(format, numbers, async (kind, value) => {
      const store = new MetricStore();
      store.gauge('lotus_e2ee_watch_joins_open').set(value);
      const families = parseExposition((await renderMetrics(store, kind)).body, kind);
      expect(families.get('lotus_e2ee_watch_joins_open')?.samples[0]?.value).toBe(value + 0);
    }),
  );
});
