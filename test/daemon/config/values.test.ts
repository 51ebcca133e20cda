// The small languages inside values: durations, addresses, zone names, near keys.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../daemon/config/duration.ts';
import { formatListenAddress, parseListenAddress } from '../../../daemon/config/listen-address.ts';
import { nearKey } from '../../../daemon/config/near-key.ts';
import { isTimeZone, machineTimeZone } from '../../../daemon/config/time-zone.ts';

describe('a duration', () => {
  it.each([
    ['0ms', 0],
    ['250ms', 250],
    ['5s', 5_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['999999999h', 3_599_999_996_400_000],
  ])('%s is %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(['', '5', 'ms', '5 s', '1.5s', '-1s', '+1s', '1h30m', '5S', '1d', '5s\n', '1000000000ms', '0x5s', '٥s'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('is written in the largest unit that says it exactly, and read back as the same', () => {
    expect([250, 1000, 90_000, 600_000, 86_400_000, 0].map(formatDuration)).toEqual(['250ms', '1s', '90s', '10m', '24h', '0ms']);
    fc.assert(fc.property(fc.nat(999_999_999), (durationMs) => parseDuration(formatDuration(durationMs)) === durationMs));
  });
});

describe('a listen address', () => {
  it.each([
    ['127.0.0.1:9464', '127.0.0.1', 9464],
    ['[::1]:9464', '::1', 9464],
    ['[::ffff:127.0.0.1]:1', '::ffff:127.0.0.1', 1],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['localhost:65535', 'localhost', 65_535],
    ['watch-1.example.org:80', 'watch-1.example.org', 80],
  ])('%s names host and port, and is written the same', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
    expect(formatListenAddress({ host, port })).toBe(text);
  });

  it.each([
    '',
    ':9464',
    '9464',
    'localhost',
    'localhost:',
    'localhost:65536',
    '::1:9464',
    '[::1]',
    '[127.0.0.1]:1',
    '[:::1]:1',
    '300.1.1.1:1',
    '1.2.3:1',
    '-a:1',
    'a-:1',
    'a..b:1',
    'a:1 ',
    'a:+1',
    'http://a:1',
    'a/b:1',
  ])('%j is none', (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });
});

describe('a time zone', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3'])('%s is known', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  it.each(['', '+02:00', 'Berlin', 'Europe/Berln', 'local', 'Europe/Berlin ', 'CEST2'])('%j is not', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  it('of the machine is known', () => {
    expect(isTimeZone(machineTimeZone())).toBe(true);
  });
});

describe('a near key', () => {
  const keys = ['sources', 'state_directory', 'listen', 'poll_interval', 'log'];
  it.each([
    ['souces', 'sources'],
    ['source', 'sources'],
    ['stateDirectory', 'state_directory'],
    ['Poll-Interval', 'poll_interval'],
    ['listne', 'listen'],
    ['logs', 'log'],
  ])('of %s is %s', (word, near) => {
    expect(nearKey(word, keys)).toBe(near);
  });

  it.each(['port', 'x', '', 'l', 'directory', 'a'.repeat(10_000)])('of %j there is none', (word) => {
    expect(nearKey(word, keys)).toBeUndefined();
  });
});
