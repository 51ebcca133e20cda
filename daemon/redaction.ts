/**
 * Takes out of a sampled log line what nobody should find in the watcher's log: access tokens, delay ids and transaction ids
 * (capabilities or private), addresses, user agents. In comes the text as Synapse wrote it, out goes the same text with words in
 * angle brackets in those places.
 *
 * It knows shapes, not meaning, and errs towards too much. It is for samples of lines that we did not understand; everything else that
 * is logged is made of named fields.
 */
import { isIPv6 } from 'node:net';
import { MAX_SAMPLE_LENGTH } from '../src/events.ts';
import type { IdentifierMode } from './config/config.ts';

interface Redaction {
  readonly pattern: RegExp;
  readonly replacement: string;
}

const SECRETS: readonly Redaction[] = [
  // '?access_token=syt_YWxpY2U_abc&x=1', '"token": "abc"'
  { pattern: /\b(access_token|token|secret|client_secret|password|sid)(=|%3D|["']?: ?["']?)[^\s&"',)}]+/gi, replacement: '$1$2<secret>' },
  // 'syt_YWxpY2U_abc_0aB1cD' (Synapse), 'mct_…', 'mat_…' (Matrix Authentication Service)
  { pattern: /\b(?:syt|syr|mct|mcr|mat|mar|muf|syl)_\w{4,}/g, replacement: '<secret>' },
  { pattern: /\bBearer [^\s"']+/gi, replacement: 'Bearer <secret>' },
  // '/delayed_events/syd_abc/restart'
  { pattern: /(\/delayed_events\/)[^\s/?"']+/g, replacement: '$1<delay_id>' },
  // '/sendToDevice/m.room.encrypted/m1782820800119.4', '/send/m.room.message/m17.2', '/redact/$event/m17.3'
  { pattern: /(\/(?:sendToDevice|send|redact)\/[^\s/?"']+\/)[^\s/?"']+/g, replacement: '$1<txn_id>' },
  // '… HTTP/1.1" "Element/1.11 (iPhone; "quoted")" [0 dbevts]': the end of an access line
  { pattern: /( HTTP\/\d(?:\.\d)?" ").*?(?=" \[|$)/gs, replacement: '$1<user_agent>' },
  // '"Mozilla/5.0 (X11; Linux x86_64)"': product/version in quotes, anywhere
  { pattern: /"[A-Za-z][\w.-]*\/\d[^"]*/g, replacement: '"<user_agent>' },
  // '203.0.113.7'
  { pattern: /(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])/g, replacement: '<ip>' },
];

// '2001:db8::7' and '::ffff:203.0.113.7', but also '12:00:00' and 'add:': node decides
const LIKE_IPV6 = /[0-9A-Fa-f]*:[0-9A-Fa-f:.]*[0-9A-Fa-f:]/g;

// '@alice:example.org', '%40alice%3Aexample.org'
const USER_ID: Redaction = { pattern: /(?:@|%40)[\w.=/+-]+(?::|%3A)[\w.:[\]-]+/g, replacement: '<user_id>' };

/**
 * 'GET /sync?access_token=abc' → 'GET /sync?access_token=<secret>'. User ids stay only where the operator has them shown plainly. Text
 * beyond MAX_SAMPLE_LENGTH is left out, which also bounds what the patterns can cost.
 */
export function redactSample(text: string, identifiers: IdentifierMode): string {
  const sample = text.slice(0, MAX_SAMPLE_LENGTH);
  const withoutIpv6 = sample.replaceAll(LIKE_IPV6, redactIpv6);
  const redactions = identifiers === 'plain' ? SECRETS : [...SECRETS, USER_ID];
  return redactions.reduce((redacted, { pattern, replacement }) => redacted.replaceAll(pattern, replacement), withoutIpv6);
}

// '2001:db8::7:' (a sentence goes on) is an address and a colon.
function redactIpv6(candidate: string): string {
  if (isIPv6(candidate)) return '<ip>';
  return candidate.endsWith(':') && isIPv6(candidate.slice(0, -1)) ? '<ip>:' : candidate;
}
