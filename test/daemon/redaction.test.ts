import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactSample } from '../../daemon/redaction.ts';
import { MAX_SAMPLE_LENGTH } from '../../src/events.ts';

describe('a sampled line', () => {
  it.each([
    ['a token in a query', 'GET /sync?access_token=syt_YWxpY2U_abc&since=s1', 'GET /sync?access_token=<secret>&since=s1'],
    ['a token alone', 'user syt_YWxpY2U_abcDEF_0aB1cD left', 'user <secret> left'],
    ['a token of the authentication service', 'mct_abcdef0123 expired', '<secret> expired'],
    ['a bearer header', 'Authorization: Bearer abc.def', 'Authorization: Bearer <secret>'],
    ['a token in JSON', '{"access_token": "abc", "x": 1}', '{"access_token": "<secret>", "x": 1}'],
    ['a password', "body {'password': 'hunter2', 'x': 1}", "body {'password': '<secret>', 'x': 1}"],
    [
      'a delay id',
      'POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abc/restart HTTP',
      'POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/<delay_id>/restart HTTP',
    ],
    [
      'a transaction id of a to-device message',
      'PUT /_matrix/client/v3/sendToDevice/m.room.encrypted/m1782820800119.4 x',
      'PUT /_matrix/client/v3/sendToDevice/m.room.encrypted/<txn_id> x',
    ],
    ['a transaction id of an event', '/rooms/!a:b/send/m.room.message/m17.2?x=1', '/rooms/!a:b/send/m.room.message/<txn_id>?x=1'],
    ['an IPv4 address', '203.0.113.7 - 8008 - {@a:b}', '<ip> - 8008 - {@a:b}'],
    ['an IPv6 address', '2001:db8::7 - 8008', '<ip> - 8008'],
    ['an IPv6 address before a colon', 'from 2001:db8::7: closed', 'from <ip>: closed'],
    ['a mapped address', '::ffff:203.0.113.7 - x', '<ip> - x'],
    [
      'a user agent at the end of an access line',
      '"GET /x HTTP/1.1" "Weird agent; "quoted"" [0 dbevts]',
      '"GET /x HTTP/1.1" "<user_agent>" [0 dbevts]',
    ],
    ['a user agent of a cut access line', '"GET /x HTTP/1.1" "Mozilla/5.0 (X11', '"GET /x HTTP/1.1" "<user_agent>'],
    ['a user agent alone', 'agent "Element/1.11 (iPhone)" seen', 'agent "<user_agent>" seen'],
  ])('loses %s', (_, text, redacted) => {
    expect(redactSample(text, 'plain')).toBe(redacted);
  });

  it.each([
    '2026-06-30 12:00:00,123 - synapse.config.logger - 377 - WARNING - main - ***** STARTING SERVER *****',
    "Adding one_time_keys dict_keys(['signed_curve25519:AAAAHQ']) for device 'JLAFKJWSCS' for user '@alice:example.org' at 1782820800119",
    '2026-06-30T12:00:00.123Z Synapse version 1.155.0',
  ])('stays as it is where nothing in it is private: %s', (text) => {
    expect(redactSample(text, 'plain')).toBe(text);
  });

  it.each(['hashed', 'none'] as const)('loses user ids where identifiers are %s', (identifiers) => {
    expect(redactSample("for user '@alice:example.org' in /user/%40bob%3Aexample.org/filter", identifiers)).toBe(
      "for user '<user_id>' in /user/<user_id>/filter",
    );
  });

  it('is never longer than its pieces allow, and hostile ones cost little', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('"a/1', '::', '1.', '@a', ':', ' HTTP/1.1" "', '/send/x/', 'token=', 'Bearer ', 'a', '" [', '%40'), {
          maxLength: 4000,
        }),
        (pieces) => {
          const text = pieces.join('');
          const startMs = performance.now();
          redactSample(text, 'none');
          // 400 characters: even a quadratic pattern is far below; an exponential one is not.
          return performance.now() - startMs < 500;
        },
      ),
      { numRuns: 200 },
    );
    expect(redactSample('x'.repeat(10_000), 'plain')).toHaveLength(MAX_SAMPLE_LENGTH);
  });
});
