/**
 * Sources that hold the same records as another one: the JSON twin of a text log, the same stream with another prefix (contract.md: left out
 * with a warning). In: sources, in order. Out: those to read, and a sentence for each one left out. Only the heads of the files are read.
 */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { type HeadKey, isTwin, readHeadKeys } from '../../src/records/head-keys.ts';
import { ZoneClock } from '../../src/records/timestamp.ts';
import type { LogSource } from '../../src/tail/generations.ts';
import { STANDARD_INPUT } from './whole-file-reader.ts';

/** Read of each file: more than the first records, tracebacks included. */
const HEAD_BYTES = 256 * 1024;
const GZIP_MAGIC = 0x1f;

export async function findTwins(
  sources: readonly LogSource[],
  timeZone: string,
): Promise<{ readonly sources: readonly LogSource[]; readonly warnings: readonly string[] }> {
  if (sources.length < 2) return { sources, warnings: [] };
  const kept: { source: LogSource; heads: readonly (readonly HeadKey[])[] }[] = [];
  const warnings: string[] = [];
  for (const source of sources) {
    const heads = await Promise.all(source.generations.map((path) => readHead(path, timeZone)));
    const twin = kept.find((other) => other.heads.some((a) => heads.some((b) => isTwin(a, b))));
    if (twin === undefined) kept.push({ source, heads });
    else warnings.push(`Left out "${source.path}": it holds the same records as "${twin.source.path}"`);
  }
  return { sources: kept.map(({ source }) => source), warnings };
}

/** Keys of the first records; none of a file that can't be read (whoever reads it in full says why). */
async function readHead(path: string, timeZone: string): Promise<readonly HeadKey[]> {
  if (path === STANDARD_INPUT) return [];
  const head = Buffer.alloc(HEAD_BYTES);
  let length = 0;
  try {
    for await (const chunk of await openHead(path)) {
      length += (chunk as Buffer).copy(head, length);
      if (length === HEAD_BYTES) break;
    }
  } catch {
    // A cut .gz has told what it could.
  }
  return readHeadKeys(head.subarray(0, length), new ZoneClock(timeZone));
}

async function openHead(path: string): Promise<AsyncIterable<Buffer>> {
  const first = createReadStream(path, { end: 1 });
  for await (const chunk of first) if ((chunk as Buffer)[0] === GZIP_MAGIC) return createReadStream(path).pipe(createGunzip());
  return createReadStream(path, { end: HEAD_BYTES });
}
