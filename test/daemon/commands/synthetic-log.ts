/**
 * Text logs as Synapse writes them, record by record, and the analysis of them by the real pipeline with the built-in rules. Times are of a log
 * in UTC, as ISO texts without zone.
 */

import { loadRuleSet } from '../../../daemon/rules/rule-set-loader.ts';
import { type Analysis, createAnalysis } from '../../../src/analysis.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { Pipeline } from '../../../src/pipeline.ts';

/** One file: its text (or bytes), and what couldn't be read of it. */
export interface SyntheticSource {
  readonly text: string | Uint8Array;
  readonly gaps?: readonly { readonly file: string; readonly problem: string }[];
}

export async function analyzeTexts(sources: Readonly<Record<string, SyntheticSource>>, timeZone = 'UTC'): Promise<Analysis> {
  const rules = await loadRuleSet();
  if (!rules.ok) throw new Error('the built-in rules are wrong');
  const pipeline = new Pipeline({ rules: rules.value, metrics: new MetricStore() });
  const reports = Object.entries(sources).map(([path, { text, gaps = [] }]) => {
    const stream = pipeline.addSource({ name: path, timeZone });
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    stream.finish(bytes, bytes.length);
    return { path, stream, gaps };
  });
  pipeline.end();
  return createAnalysis(pipeline, reports);
}

export class SyntheticLog {
  #text = '';
  #number = 0;

  get text(): string {
    return this.#text;
  }

  /** `2026-06-30T12:00:00.123`, `synapse.handlers.e2e_keys`, … */
  record(time: string, logger: string, request: string, message: string, level = 'INFO'): this {
    this.#text += `${time.replace('T', ' ').replace('.', ',')} - ${logger} - 1 - ${level} - ${request} - ${message}\n`;
    return this;
  }

  /** A request's last record. `status`: `200`, `400`, `200!`. */
  request(time: string, method: string, path: string, status: string, { user = 'None', messages = [] }: RequestDetails = {}): this {
    const id = `${method}-${this.#number++}`;
    for (const [logger, message, level] of messages) this.record(time, logger, id, message, level);
    const rest = `0.012sec/0.001sec ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) 525B ${status} "${method} ${path} HTTP/1.1" "Mozilla/5.0" [0 dbevts]`;
    return this.record(time, 'synapse.access.http.8008', id, `203.0.113.7 - 8008 - {${user}} Processed request: ${rest}`);
  }

  /** `userId`, `deviceId` as Python prints them, without quotes. */
  upload(time: string, userId: string, deviceId: string, status: string, isRefused = false): this {
    const offer = `Adding one_time_keys dict_keys(['signed_curve25519:AAAAHQ']) for device '${deviceId}' for user '${userId}' at 1782820800119`;
    const messages: Message[] = [['synapse.handlers.e2e_keys', offer]];
    if (isRefused) messages.push(refusal('AAAAHQ', '{}'));
    return this.request(time, 'POST', '/_matrix/client/v3/keys/upload', status, { messages });
  }

  /** A refusal of a device that no line names. */
  namelessRefusal(time: string): this {
    return this.request(time, 'POST', '/_matrix/client/v3/keys/upload', '400', { messages: [refusal('AAAAHQ', '{}')] });
  }

  send(time: string, eventType: string, txnId: string, status: string, messages: readonly Message[] = []): this {
    return this.request(time, 'PUT', `/_matrix/client/v3/sendToDevice/${eventType}/${txnId}`, status, { messages });
  }

  delayed(time: string, action: 'restart' | 'cancel' | 'send', status: string): this {
    return this.request(time, 'POST', `/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_x/${action}`, status);
  }
}

/** Logger, message, level. */
export type Message = readonly [string, string, string?];

interface RequestDetails {
  readonly user?: string;
  readonly messages?: readonly Message[];
}

function refusal(keyId: string, oldKey: string): Message {
  const request =
    "<XForwardedForRequest at 0x7fb1615b1690 method='POST' uri='/_matrix/client/v3/keys/upload' clientproto='HTTP/1.1' site='8008'>";
  return [
    'synapse.http.server',
    `${request} SynapseError: 400 - One time key signed_curve25519:${keyId} already exists. Old key: ${oldKey}; new key: {'key': 'NEW'}`,
  ];
}
