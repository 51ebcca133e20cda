import { describe, expect, it } from 'vitest';
import type { CounterName } from '../../../src/metrics/catalogue.ts';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import { OVERFLOW } from '../../../src/metrics/family-spec.ts';
import type { FamilySnapshot } from '../../../src/metrics/metric-store.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';

const CONFLICTS = 'lotus_e2ee_device_otk_conflicts_total';
const MESSAGES = 'lotus_e2ee_device_to_device_messages_total';
const STORMS = 'lotus_e2ee_device_storm_active';

function familyOf(store: MetricStore, name: string): FamilySnapshot {
  const family = [...store.families()].find((each) => each.name === name);
  if (!family) throw new Error(`no family ${name}`);
  return family;
}

/** Counter and gauge values by their label values, joined with a space. */
function valuesOf(store: MetricStore, name: string): Record<string, number> {
  const family = familyOf(store, name);
  if (family.type === 'histogram') throw new Error(`${name} is a histogram`);
  return Object.fromEntries(family.children.map(({ labelValues, metric }) => [labelValues.join(' '), metric.value]));
}

function rejectedOf(store: MetricStore, name: string): number {
  return store.counter('lotus_e2ee_watch_series_rejected_total', name).value;
}

describe('families', () => {
  it('come in the order of the catalogue, all of them, in a new store', () => {
    expect([...new MetricStore().families()].map(({ name }) => name)).toEqual(CATALOGUE.map(({ name }) => name));
  });

  it('have their known series at 0 from the start', () => {
    const store = new MetricStore();
    expect(valuesOf(store, 'lotus_e2ee_otk_conflicts_total')).toEqual({ '': 0 });
    expect(valuesOf(store, 'lotus_e2ee_key_uploads_total')).toEqual({
      accepted: 0,
      client_gave_up: 0,
      conflict: 0,
      failed: 0,
      rejected: 0,
    });
    expect(familyOf(store, 'lotus_e2ee_delayed_event_request_duration_seconds').children).toHaveLength(5 * 5);
    expect(valuesOf(store, 'lotus_e2ee_watch_log_lines_total')).toEqual({});
    expect(valuesOf(store, CONFLICTS)).toEqual({});
  });

  it('count refusals for every bounded family from the start', () => {
    const names = Object.keys(valuesOf(new MetricStore(), 'lotus_e2ee_watch_series_rejected_total'));
    expect(names).toContain(CONFLICTS);
    expect(names).toContain('lotus_e2ee_watch_unrecognised_total');
    expect(names).not.toContain('lotus_e2ee_key_uploads_total');
  });

  it('have their children in one order, whatever order they came in', () => {
    const orderOf = (...sources: string[]): string[] => {
      const store = new MetricStore();
      for (const source of sources) store.counter('lotus_e2ee_watch_log_lines_total', source);
      return Object.keys(valuesOf(store, 'lotus_e2ee_watch_log_lines_total'));
    };
    expect(orderOf('b', 'a', 'c')).toEqual(['a', 'b', 'c']);
    expect(orderOf('c', 'b', 'a')).toEqual(['a', 'b', 'c']);
  });
});

describe('a series', () => {
  it('is the same object at each mention', () => {
    const store = new MetricStore();
    const counter = store.counter('lotus_e2ee_watch_rotations_total', 'homeserver.log', 'rename');
    counter.value++;
    expect(store.counter('lotus_e2ee_watch_rotations_total', 'homeserver.log', 'rename')).toBe(counter);
    expect(store.counter('lotus_e2ee_watch_rotations_total', 'homeserver.log', 'truncate')).not.toBe(counter);
    expect(store.histogram('lotus_e2ee_to_device_delivery_seconds')).toBe(store.histogram('lotus_e2ee_to_device_delivery_seconds'));
    expect(valuesOf(store, 'lotus_e2ee_watch_rotations_total')).toEqual({ 'homeserver.log rename': 1, 'homeserver.log truncate': 0 });
  });

  it.each([
    ['of an unknown family', 'lotus_e2ee_nothing_total', [], 'the catalogue has no counter of this name'],
    ['of a gauge', 'lotus_e2ee_devices', ['storm'], 'the catalogue has no counter of this name'],
    ['per device', CONFLICTS, ['@a:hs', 'D'], "it is per device, expected the device's user and device id"],
    ['with too few labels', 'lotus_e2ee_key_uploads_total', [], '0 label values, expected 1 (outcome)'],
    ['with too many labels', 'lotus_e2ee_key_uploads_total', ['accepted', 'x'], '2 label values, expected 1 (outcome)'],
    [
      'of a value unknown to its label',
      'lotus_e2ee_key_claims_total',
      ['two_time'],
      'label "kind" is "two_time", expected one of one_time, fallback',
    ],
  ])('%s is refused', (_, name, labelValues, message) => {
    const store = new MetricStore();
    expect(() => store.counter(name as CounterName, ...labelValues)).toThrow(new TypeError(`Cannot use metric "${name}": ${message}`));
  });

  it('of an event type that is not in the list counts as other', () => {
    const store = new MetricStore();
    store.counter('lotus_e2ee_to_device_sends_total', 'org.example.secret', 'ok').add(2);
    store.counter('lotus_e2ee_to_device_sends_total', 'other', 'ok').add(1);
    store.counter('lotus_e2ee_to_device_sends_total', 'm.room.encrypted', 'failed').add(5);
    expect(valuesOf(store, 'lotus_e2ee_to_device_sends_total')).toMatchObject({ 'other ok': 3, 'm.room.encrypted failed': 5 });
    expect(rejectedOf(store, 'lotus_e2ee_to_device_sends_total')).toBe(0);
  });

  it('whose labels differ only in what is not allowed in a label is one series', () => {
    const store = new MetricStore();
    store.counter('lotus_e2ee_watch_log_lines_total', 'a\ud800').add(1);
    store.counter('lotus_e2ee_watch_log_lines_total', 'a\ufffd').add(1);
    expect(valuesOf(store, 'lotus_e2ee_watch_log_lines_total')).toEqual({ 'a\ufffd': 2 });
  });

  it('cannot be reached by a label value that imitates two', () => {
    const store = new MetricStore();
    store.counter('lotus_e2ee_watch_unrecognised_total', 'a', 'b').add(1);
    store.counter('lotus_e2ee_watch_unrecognised_total', 'a\0b', '').add(10);
    expect(valuesOf(store, 'lotus_e2ee_watch_unrecognised_total')).toEqual({ 'a b': 1, 'a\ufffdb ': 10 });
  });
});

describe('an open label', () => {
  it('counts in _overflow from its bound on, with the other labels kept, and counts each refusal', () => {
    const store = new MetricStore();
    for (let n = 0; n < 60; n++) store.counter('lotus_e2ee_watch_unrecognised_total', 'homeserver.log', `logger-${n}`).value++;
    const values = valuesOf(store, 'lotus_e2ee_watch_unrecognised_total');
    expect(Object.keys(values)).toHaveLength(51);
    expect(values[`homeserver.log ${OVERFLOW}`]).toBe(10);
    expect(values['homeserver.log logger-49']).toBe(1);
    expect(rejectedOf(store, 'lotus_e2ee_watch_unrecognised_total')).toBe(10);
    expect(store.sums()['lotus_e2ee_watch_unrecognised_total']).toBe(60);
  });

  it('takes _overflow as a value like any other, without counting a refusal', () => {
    const store = new MetricStore();
    store.counter('lotus_e2ee_watch_log_lines_total', OVERFLOW).value++;
    expect(valuesOf(store, 'lotus_e2ee_watch_log_lines_total')).toEqual({ [OVERFLOW]: 1 });
    expect(rejectedOf(store, 'lotus_e2ee_watch_log_lines_total')).toBe(0);
  });
});

it('a declared source has all its known series at 0', () => {
  const store = new MetricStore();
  store.declareSource('homeserver.log');
  expect(valuesOf(store, 'lotus_e2ee_watch_rotations_total')).toEqual({
    'homeserver.log delete': 0,
    'homeserver.log relink': 0,
    'homeserver.log rename': 0,
    'homeserver.log truncate': 0,
  });
  expect(valuesOf(store, 'lotus_e2ee_watch_unread_bytes')).toEqual({ 'homeserver.log': 0 });
  expect(valuesOf(store, 'lotus_e2ee_watch_unrecognised_total')).toEqual({});
});

describe('series per device', () => {
  it('exist for the device, with all values of their own label at once', () => {
    const store = new MetricStore();
    store.deviceCounter(MESSAGES, '@a:hs', 'D', 0, 'stored').add(3);
    expect(valuesOf(store, MESSAGES)).toEqual({ '@a:hs D dropped': 0, '@a:hs D returned': 0, '@a:hs D stored': 3 });
    expect(store.deviceCounter(MESSAGES, '@a:hs', 'D', 0, 'stored').value).toBe(3);
    expect(() => store.deviceCounter(MESSAGES, '@a:hs', 'D', 0)).toThrow('2 label values, expected 3 (user_id, device_id, stage)');
  });

  it('of devices beyond the bound are one, and sums stay right', () => {
    const store = new MetricStore({ maxDeviceSeries: 2 });
    for (const device of ['A', 'B', 'C', 'D']) store.deviceCounter(CONFLICTS, '@a:hs', device, 0).add(10);
    store.deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', '@a:hs', 'D', 0).observe(1);
    store.deviceCounter(CONFLICTS, '@a:hs', 'B', 0).add(1);
    expect(valuesOf(store, CONFLICTS)).toEqual({ '@a:hs A': 10, '@a:hs B': 11, [`${OVERFLOW} ${OVERFLOW}`]: 20 });
    expect(rejectedOf(store, CONFLICTS)).toBe(2);
    expect(rejectedOf(store, 'lotus_e2ee_device_delayed_event_request_duration_seconds')).toBe(1);
    expect(valuesOf(store, 'lotus_e2ee_watch_series')).toEqual({ '': 2 });
    expect(valuesOf(store, 'lotus_e2ee_watch_series_limit')).toEqual({ '': 2 });
    expect(store.sums()[CONFLICTS]).toBe(41);
  });

  it('end when their device was idle long enough on log time, and what they counted stays in the sums', () => {
    const store = new MetricStore({ deviceIdleMs: 1000 });
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 5000).add(10);
    store.deviceCounter(MESSAGES, '@a:hs', 'A', 5000, 'stored').add(1);
    store.deviceHistogram('lotus_e2ee_device_delayed_event_request_duration_seconds', '@a:hs', 'A', 5000).observe(1);
    store.deviceCounter(CONFLICTS, '@a:hs', 'B', 5500).add(1);
    store.expireIdleDevices(5999);
    expect(valuesOf(store, 'lotus_e2ee_watch_series')).toEqual({ '': 2 });
    store.expireIdleDevices(6000);
    expect(valuesOf(store, CONFLICTS)).toEqual({ '@a:hs B': 1 });
    expect(valuesOf(store, MESSAGES)).toEqual({});
    expect(familyOf(store, 'lotus_e2ee_device_delayed_event_request_duration_seconds').children).toEqual([]);
    expect(valuesOf(store, 'lotus_e2ee_watch_series')).toEqual({ '': 1 });
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 6001).add(2);
    expect(valuesOf(store, CONFLICTS)).toEqual({ '@a:hs A': 2, '@a:hs B': 1 });
    expect(store.sums()).toMatchObject({ [CONFLICTS]: 13, [MESSAGES]: 1 });
  });

  it('stay while their device is used, also when an older record comes late', () => {
    const store = new MetricStore({ deviceIdleMs: 1000 });
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 5000);
    store.deviceCounter(MESSAGES, '@a:hs', 'A', 5900, 'stored');
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 3000);
    store.expireIdleDevices(6500);
    expect(Object.keys(valuesOf(store, CONFLICTS))).toEqual(['@a:hs A']);
    store.expireIdleDevices(6900);
    expect(Object.keys(valuesOf(store, CONFLICTS))).toEqual([]);
  });

  it('of an idle device make room for a new one', () => {
    const store = new MetricStore({ maxDeviceSeries: 1, deviceIdleMs: 1000 });
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 0).add(1);
    store.deviceCounter(CONFLICTS, '@a:hs', 'B', 999).add(1);
    store.deviceCounter(CONFLICTS, '@a:hs', 'B', 1000).add(1);
    expect(valuesOf(store, CONFLICTS)).toEqual({ '@a:hs B': 1, [`${OVERFLOW} ${OVERFLOW}`]: 1 });
  });

  it('are not made for a forged user of the overflow name', () => {
    const store = new MetricStore();
    store.deviceCounter(CONFLICTS, OVERFLOW, 'A', 0).add(1);
    expect(valuesOf(store, CONFLICTS)).toEqual({ [`${OVERFLOW} ${OVERFLOW}`]: 1 });
  });

  it('do not mix devices whose ids run together', () => {
    const store = new MetricStore();
    store.deviceCounter(CONFLICTS, '@a:hs', 'XY', 0).add(1);
    store.deviceCounter(CONFLICTS, '@a:hsX', 'Y', 0).add(10);
    store.deviceCounter(CONFLICTS, '@a:hs', 'XY', 0).add(1);
    expect(valuesOf(store, CONFLICTS)).toEqual({ '@a:hs XY': 2, '@a:hsX Y': 10 });
  });
});

describe('identifiers', () => {
  it('hashed: no id is in a label, and a known device is hashed once', () => {
    const hashed: string[] = [];
    const hashIdentifier = (text: string): string => {
      hashed.push(text);
      return `h${text.length}`;
    };
    const store = new MetricStore({ identifiers: 'hashed', hashIdentifier });
    for (let n = 0; n < 5; n++) store.deviceCounter(CONFLICTS, '@alice:hs', 'DEVICE', n).add(1);
    expect(valuesOf(store, CONFLICTS)).toEqual({ 'h9 h6': 5 });
    expect(hashed).toEqual(['@alice:hs', 'DEVICE']);
    expect(JSON.stringify(store.dump())).not.toMatch(/alice|DEVICE/);
  });

  it('hashed: needs a hash', () => {
    expect(() => new MetricStore({ identifiers: 'hashed' })).toThrow('Cannot hash identifiers: no hashIdentifier given');
  });

  it('none: all devices count in one series, and that is no refusal', () => {
    const store = new MetricStore({ identifiers: 'none' });
    store.deviceCounter(CONFLICTS, '@alice:hs', 'D', 0).add(2);
    store.replaceDeviceGauges(STORMS, 0, [{ userId: '@alice:hs', deviceId: 'D', labelValues: ['rollback'], value: 1 }]);
    expect(valuesOf(store, CONFLICTS)).toEqual({ [`${OVERFLOW} ${OVERFLOW}`]: 2 });
    expect(valuesOf(store, STORMS)).toEqual({ [`${OVERFLOW} ${OVERFLOW} rollback`]: 1 });
    expect(rejectedOf(store, CONFLICTS)).toBe(0);
    expect(valuesOf(store, 'lotus_e2ee_watch_series')).toEqual({ '': 0 });
  });
});

describe('a gauge per device', () => {
  const storm = (deviceId: string, cause: string): { userId: string; deviceId: string; labelValues: string[]; value: number } => ({
    userId: '@a:hs',
    deviceId,
    labelValues: [cause],
    value: 1,
  });

  it('has exactly the series it was last given', () => {
    const store = new MetricStore();
    store.replaceDeviceGauges(STORMS, 0, [storm('A', 'unknown'), storm('B', 'rollback')]);
    store.replaceDeviceGauges(STORMS, 1, [storm('A', 'identity_reset')]);
    expect(valuesOf(store, STORMS)).toEqual({ '@a:hs A identity_reset': 1 });
    store.replaceDeviceGauges(STORMS, 2, []);
    expect(valuesOf(store, STORMS)).toEqual({});
  });

  it('sums what has no room, anew each time', () => {
    const store = new MetricStore({ maxDeviceSeries: 1 });
    const all = [storm('A', 'rollback'), storm('B', 'rollback'), storm('C', 'rollback'), storm('D', 'unknown')];
    store.replaceDeviceGauges(STORMS, 0, all);
    store.replaceDeviceGauges(STORMS, 1, all);
    expect(valuesOf(store, STORMS)).toEqual({
      '@a:hs A rollback': 1,
      [`${OVERFLOW} ${OVERFLOW} rollback`]: 2,
      [`${OVERFLOW} ${OVERFLOW} unknown`]: 1,
    });
    expect(rejectedOf(store, STORMS)).toBe(6);
  });

  it('keeps its device from expiring', () => {
    const store = new MetricStore({ deviceIdleMs: 1000 });
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 0).add(1);
    store.replaceDeviceGauges(STORMS, 900, [storm('A', 'rollback')]);
    store.expireIdleDevices(1500);
    expect(valuesOf(store, CONFLICTS)).toEqual({ '@a:hs A': 1 });
  });
});

it('sums have every counter family and nothing else', () => {
  const store = new MetricStore();
  store.counter('lotus_e2ee_key_uploads_total', 'accepted').add(2);
  store.counter('lotus_e2ee_key_uploads_total', 'conflict').add(3);
  expect(store.sums()).toMatchObject({ lotus_e2ee_key_uploads_total: 5, lotus_e2ee_otk_conflicts_total: 0 });
  expect(Object.keys(store.sums())).toEqual(CATALOGUE.filter(({ type }) => type === 'counter').map(({ name }) => name));
});

it.each([{ maxDeviceSeries: -1 }, { maxDeviceSeries: NaN }, { deviceIdleMs: -1 }])('bounds are checked: %o', (options) => {
  expect(() => new MetricStore(options)).toThrow(RangeError);
});

describe('stored state', () => {
  it('writes into the objects that callers hold, and resets what it does not name', () => {
    const before = new MetricStore();
    before.counter('lotus_e2ee_otk_conflicts_total').add(7);
    const after = new MetricStore();
    const conflicts = after.counter('lotus_e2ee_otk_conflicts_total');
    const lines = after.counter('lotus_e2ee_watch_log_lines_total', 'homeserver.log');
    lines.add(99);
    after.deviceCounter(CONFLICTS, '@a:hs', 'A', 0).add(5);
    expect(after.load(before.dump())).toEqual([]);
    expect(conflicts.value).toBe(7);
    expect(lines.value).toBe(0);
    expect(after.counter('lotus_e2ee_watch_log_lines_total', 'homeserver.log')).toBe(lines);
    expect(valuesOf(after, CONFLICTS)).toEqual({});
    expect(after.sums()[CONFLICTS]).toBe(0);
  });

  it('leaves the families of the process alone', () => {
    const before = new MetricStore({ maxDeviceSeries: 3 });
    before.gauge('process_start_time_seconds').set(1);
    const after = new MetricStore({ maxDeviceSeries: 4 });
    after.gauge('process_start_time_seconds').set(2);
    after.load(before.dump());
    expect(after.gauge('process_start_time_seconds').value).toBe(2);
    expect(after.gauge('lotus_e2ee_watch_series_limit').value).toBe(4);
  });

  it('with fewer devices allowed than stored keeps the sums', () => {
    const before = new MetricStore();
    for (const device of ['A', 'B', 'C']) before.deviceCounter(CONFLICTS, '@a:hs', device, 0).add(1);
    const after = new MetricStore({ maxDeviceSeries: 2 });
    const leftOut = after.load(before.dump());
    expect(leftOut).toEqual(['1 devices (stored with identifiers "plain")', `${CONFLICTS}{@a:hs, C}`]);
    expect(valuesOf(after, CONFLICTS)).toEqual({ '@a:hs A': 1, '@a:hs B': 1 });
    expect(after.sums()[CONFLICTS]).toBe(3);
    expect(after.gauge('lotus_e2ee_watch_series').value).toBe(2);
  });

  it('never shows ids that are to be hashed or hidden now', () => {
    const before = new MetricStore();
    before.deviceCounter(CONFLICTS, '@alice:hs', 'A', 0).add(4);
    before.replaceDeviceGauges(STORMS, 0, [{ userId: '@alice:hs', deviceId: 'A', labelValues: ['rollback'], value: 1 }]);
    for (const after of [new MetricStore({ identifiers: 'hashed', hashIdentifier: () => 'h' }), new MetricStore({ identifiers: 'none' })]) {
      after.load(before.dump());
      expect(JSON.stringify(after.dump())).not.toContain('alice');
      expect(after.sums()[CONFLICTS]).toBe(4);
    }
  });

  it('of another version loses only what has no place, and says so', () => {
    const store = new MetricStore();
    const leftOut = store.load({
      version: 1,
      identifiers: 'plain',
      devices: [],
      counters: [
        { name: 'lotus_e2ee_gone_total', labels: [], value: 1 },
        { name: 'lotus_e2ee_key_claims_total', labels: ['gone'], value: 2 },
        { name: 'lotus_e2ee_key_claims_total', labels: ['one_time', 'extra'], value: 3 },
        { name: 'lotus_e2ee_key_claims_total', labels: ['fallback'], value: 4 },
      ],
      gauges: [{ name: 'lotus_e2ee_watch_joins_open', labels: [], value: Number.NaN }],
      histograms: [{ name: 'lotus_e2ee_to_device_delivery_seconds', labels: [], bounds: [1], counts: [1, 1], sum: 2, exemplars: [] }],
      retired: { lotus_e2ee_gone_total: 5, lotus_e2ee_otk_conflicts_total: 6 },
    });
    expect(leftOut).toEqual([
      'lotus_e2ee_watch_joins_open{}',
      'lotus_e2ee_to_device_delivery_seconds{}',
      'lotus_e2ee_gone_total{}',
      'lotus_e2ee_key_claims_total{gone}',
      'lotus_e2ee_key_claims_total{one_time, extra}',
    ]);
    expect(valuesOf(store, 'lotus_e2ee_key_claims_total')).toEqual({ fallback: 4, one_time: 0 });
    expect(store.sums()).toMatchObject({ lotus_e2ee_key_claims_total: 9, lotus_e2ee_otk_conflicts_total: 6 });
    expect(store.histogram('lotus_e2ee_to_device_delivery_seconds').sum).toBe(0);
  });

  it('with more label values than are allowed now counts them together, and counts no refusal anew', () => {
    const store = new MetricStore();
    const name = 'lotus_e2ee_watch_log_lines_total';
    const rejected = { name: 'lotus_e2ee_watch_series_rejected_total', labels: [name], value: 7 };
    const counters = Array.from({ length: 105 }, (_, n) => ({ name, labels: [`source-${n}`], value: n }));
    expect(store.load({ ...new MetricStore().dump(), counters: [rejected, ...counters] })).toEqual([]);
    expect(valuesOf(store, name)).toMatchObject({ 'source-99': 99, [OVERFLOW]: 100 + 101 + 102 + 103 + 104 });
    expect(rejectedOf(store, name)).toBe(7);
  });

  it('is a copy: counting on does not change it', () => {
    const store = new MetricStore();
    const before = JSON.stringify(store.dump());
    const dump = store.dump();
    store.counter('lotus_e2ee_otk_conflicts_total').add(1);
    store.histogram('lotus_e2ee_to_device_delivery_seconds').observe(1, 'GET-1');
    store.deviceCounter(CONFLICTS, '@a:hs', 'A', 0).add(1);
    expect(JSON.stringify(dump)).toBe(before);
  });
});
