import { expect, it } from 'vitest';
import { Counter, countOf, Gauge, Histogram, MAX_REQUEST_ID_LENGTH, MAX_SECONDS } from '../../../src/metrics/instruments.ts';

it.each([-1, NaN, Infinity, -Infinity])('counter refuses to add %s, and keeps its value', (n) => {
  const counter = new Counter();
  counter.add(2.5);
  expect(() => counter.add(n)).toThrow(RangeError);
  expect(counter.value).toBe(2.5);
});

it.each([NaN, Infinity, -Infinity])('gauge refuses to be set to %s', (n) => {
  const gauge = new Gauge();
  gauge.set(-3);
  expect(() => gauge.set(n)).toThrow(`Cannot set a gauge to ${n}: expected a finite number`);
  expect(gauge.value).toBe(-3);
});

it.each([
  ['below the first bound', 0.01, [1, 0, 0]],
  ['on a bound belongs below it', 0.5, [1, 0, 0]],
  ['just above a bound', 0.500001, [0, 1, 0]],
  ['on the last bound', 2, [0, 1, 0]],
  ['above all bounds', 2.1, [0, 0, 1]],
  ['zero', 0, [1, 0, 0]],
  ['negative, as after a clock was set back, counts as 0', -7, [1, 0, 0]],
  ['beyond all reason', 1e308, [0, 0, 1]],
  ['infinite', Infinity, [0, 0, 1]],
])('histogram puts a duration %s into its bucket', (_, seconds, counts) => {
  const histogram = new Histogram([0.5, 2]);
  histogram.observe(seconds);
  expect([...histogram.counts]).toEqual(counts);
  expect(histogram.sum).toBe(Math.min(Math.max(seconds, 0), MAX_SECONDS));
});

it('histogram leaves out what is no number, so that its sum stays one', () => {
  const histogram = new Histogram([1]);
  histogram.observe(NaN, 'GET-1');
  histogram.observe(1e308);
  histogram.observe(1e308);
  expect(histogram.sum).toBe(2 * MAX_SECONDS);
  expect(countOf(histogram)).toBe(2);
  expect(histogram.exemplars).toBeNull();
});

it('histogram keeps the latest exemplar of each bucket', () => {
  const histogram = new Histogram([1, 2]);
  histogram.observe(0.5, 'GET-1', 1000);
  histogram.observe(0.25, 'GET-2');
  histogram.observe(0.75);
  histogram.observe(9, 'GET-3', 3000);
  expect(histogram.exemplars).toEqual([
    { requestId: 'GET-2', seconds: 0.25, timeMs: null },
    undefined,
    { requestId: 'GET-3', seconds: 9, timeMs: 3000 },
  ]);
});

it('histogram cuts a request id to what Prometheus stores, and makes it well-formed', () => {
  const histogram = new Histogram([]);
  histogram.observe(1, `\ud800${'x'.repeat(500)}`);
  expect(histogram.exemplars?.[0]?.requestId).toBe(`\ufffd${'x'.repeat(MAX_REQUEST_ID_LENGTH - 1)}`);
});
