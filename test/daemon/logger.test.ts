import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../daemon/config/config.ts';
import { createLogger, type LogFields } from '../../daemon/logger.ts';

const clock = { nowMs: () => Date.UTC(2026, 2, 10, 8, 0, 0, 5) };

function written(level: LogLevel, lines: readonly (readonly [LogLevel, string, LogFields])[]): readonly unknown[] {
  const output: string[] = [];
  const logger = createLogger({ level, clock, destination: { write: (line) => output.push(line) } });
  for (const [at, message, fields] of lines) logger.write(at, message, fields);
  return output.map((line) => JSON.parse(line));
}

describe('the logger', () => {
  it('writes one JSON object a line, with level, time and message', () => {
    expect(written('info', [['warn', 'Something\nodd', { source: 'homeserver.log', position: 5 }]])).toEqual([
      { level: 'warn', time: '2026-03-10T08:00:00.005Z', source: 'homeserver.log', position: 5, msg: 'Something\nodd' },
    ]);
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('at level %s writes %j', (level, expected) => {
    const all = (['debug', 'info', 'warn', 'error'] as const).map((at) => [at, at, {}] as const);
    expect(written(level, all)).toMatchObject(expected.map((msg) => ({ level: msg, msg })));
  });

  it('censors sensitive fields at three depths and in lists, and nothing else', () => {
    const secret = { delayId: 'syd_1', txnId: 'm1.2', ip: '203.0.113.7', userAgent: 'Element', accessToken: 'syt_1' };
    const snake = { delay_id: 'syd_1', txn_id: 'm1.2', user_agent: 'Element', access_token: 'syt_1' };
    const lines = written('info', [
      ['info', 'x', { ...secret, request: { ...snake, id: 'PUT-1' }, records: [secret], deep: { er: secret } }],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/syd_1|m1\.2|203\.0|Element|syt_1/);
    expect(lines).toMatchObject([
      {
        delayId: '[redacted]',
        request: { id: 'PUT-1', txn_id: '[redacted]' },
        records: [{ ip: '[redacted]' }],
        deep: { er: { userAgent: '[redacted]' } },
      },
    ]);
  });

  it('writes an error with its cause', () => {
    const [line] = written('info', [['error', 'x', { err: new Error('outer', { cause: new Error('inner') }) }]]);
    expect(line).toMatchObject({
      err: { type: 'Error', message: expect.stringContaining('inner'), stack: expect.stringContaining('outer') },
    });
  });

  it('writes to standard output at once: a process that is killed has said all', async () => {
    const program = `
      const { createLogger } = await import(process.argv[1]);
      const logger = createLogger({ level: 'info', clock: { nowMs: () => 0 } });
      for (let n = 0; n < 1000; n++) logger.write('info', 'line ' + n, {});
      process.kill(process.pid, 'SIGKILL');`;
    const killed: unknown = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      program,
      join(import.meta.dirname, '../../daemon/logger.ts'),
    ]).catch((error: unknown) => error);
    const { stdout, signal } = killed as { readonly stdout: string; readonly signal: string };
    expect(signal).toBe('SIGKILL');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1000);
    expect(stdout).toContain('"msg":"line 999"');
  });
});
