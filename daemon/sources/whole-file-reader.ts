/**
 * Reads a file from its first byte to its last, for `analyze`.
 *
 * In: a path (`-` is standard input) and a consumer. Out: every byte, in order, through the consumer's `read`, then `finish`; and how it ended.
 * A file that can't be read, or not to its end, is a `problem`, never an exception: the other files go on. What came before the problem is
 * delivered. Memory is bounded whatever the file holds; the event loop gets a turn every YIELD_BYTES.
 */
import type { ChunkConsumer } from '../../src/lines/chunk-consumer.ts';
import { decideContentKind, GZIP_SIGNATURE_BYTES, SNIFF_BYTES } from '../../src/tail/content-kind.ts';
import { ChunkFeeder } from './chunk-feeder.ts';
import { realFileSystem, type SourceFileSystem } from './file-system.ts';
import { type GzipEnd, unpackGzip } from './gzip-reader.ts';
import { describeForeignContent, describeReadFailure, describeUnfinishedRead, describeWrongKind, reasonOf } from './read-problem.ts';
import { TextSink } from './text-sink.ts';
import { FileInput, type ReadProgress, StreamInput, type WholeInput } from './whole-input.ts';

/** How a file was read. */
export interface WholeFileResult {
  /** Bytes of the file itself that were read for the consumer; of a .gz the compressed ones. 0 for a file that is left out. */
  readonly bytesRead: number;
  /** One sentence: `Cannot read "x.gz" to its end: its gzip data stops in the middle`. Missing: all went well (an empty file too). */
  readonly problem?: string;
}

/** What a test may put in place of the machine, and who else reads. */
export interface ReaderSurroundings {
  /** Asked before each step, where other files are read side by side. */
  readonly turn?: () => Promise<void>;
  readonly fileSystem?: SourceFileSystem;
  readonly standardInput?: AsyncIterable<Uint8Array>;
}

/** Standard input's name on the command line and in messages. */
export const STANDARD_INPUT = '-';

/** A plain file is read in steps of this size without leaving the loop: 8 ms at 1 GB/s. Chosen: often enough for a progress bar and Ctrl-C. */
const YIELD_BYTES = 8 * 1024 * 1024;
/** Where files are read side by side: so little, that what must be put in order between them stays small. */
const TURN_BYTES = 128 * 1024;

/**
 * Reads all of `path`. A file that grows meanwhile is read to where it ends when that is reached. Throws only what the consumer throws.
 * A file that is no log (binary, UTF-16) is left out: the consumer hears nothing of it, not even `finish`.
 */
export async function readWholeFile(
  path: string,
  consumer: ChunkConsumer,
  onProgress: ReadProgress = () => {},
  { fileSystem = realFileSystem, standardInput = process.stdin, turn }: ReaderSurroundings = {},
): Promise<WholeFileResult> {
  if (path === STANDARD_INPUT) return readChunks(new StreamInput(path, standardInput, onProgress), consumer, turn);
  const opened = openFile(path, fileSystem);
  if ('problem' in opened) return { bytesRead: 0, problem: opened.problem };
  try {
    return await readOpenFile(new FileInput(path, opened.fd, opened.sizeBytes, fileSystem, onProgress), consumer, turn);
  } finally {
    fileSystem.close(opened.fd);
  }
}

type Opened = { readonly fd: number; readonly sizeBytes: number } | { readonly problem: string };

function openFile(path: string, fileSystem: SourceFileSystem): Opened {
  try {
    // Looked at before it's opened: opening a device can do things.
    const { kind, sizeBytes } = fileSystem.look(path);
    return kind === 'file' ? { fd: fileSystem.open(path), sizeBytes } : { problem: describeWrongKind(path, kind) };
  } catch (error) {
    return { problem: describeReadFailure(path, error) };
  }
}

/** Plain text goes the fast way, straight into the consumer's buffer; everything else is a stream of chunks. */
type Turn = ReaderSurroundings['turn'];

async function readOpenFile(input: FileInput, consumer: ChunkConsumer, turn: Turn): Promise<WholeFileResult> {
  const head = new Uint8Array(SNIFF_BYTES);
  const length = input.peek(head);
  if (input.failure !== undefined) return resultOf(input);
  const { kind } = decideContentKind(head, length);
  return kind === 'text' || kind === 'empty' ? readPlain(input, consumer, turn) : readChunks(input, consumer, turn);
}

async function readPlain(input: FileInput, consumer: ChunkConsumer, turn: Turn): Promise<WholeFileResult> {
  const feeder = new ChunkFeeder(consumer);
  await turn?.();
  while (readStep(input, feeder, turn === undefined ? YIELD_BYTES : TURN_BYTES)) await (turn === undefined ? nextTurn() : turn());
  feeder.finish();
  if (input.failure === undefined && input.bytesRead < input.sizeBytes) return unfinished(input, 'it was emptied while it was read');
  return resultOf(input);
}

/** Reads `stepBytes`, or what there is: false then. */
function readStep(input: FileInput, feeder: ChunkFeeder, stepBytes: number): boolean {
  const stepEnd = input.bytesRead + stepBytes;
  let hasMore = true;
  while (hasMore && input.bytesRead < stepEnd) hasMore = feeder.fill(input.readNext, stepBytes) > 0;
  input.reportProgress();
  return hasMore;
}

/** Text or gzip, told by the first bytes. */
async function readChunks(input: WholeInput, consumer: ChunkConsumer, turn: Turn): Promise<WholeFileResult> {
  const sink = new TextSink(consumer);
  const { head, all } = await takeHead(inTurn(input.chunks(), turn));
  const gzipEnd = decideContentKind(head, head.length).kind === 'gzip' ? await unpackGzip(all, (bytes) => sink.take(bytes)) : undefined;
  if (gzipEnd === undefined) for await (const chunk of all) if (!sink.take(chunk)) break;
  sink.finish();
  if (sink.foreignContent !== undefined) return { bytesRead: 0, problem: describeForeignContent(input.name, sink.foreignContent) };
  const faultText = gzipEnd && describeGzipFault(gzipEnd);
  return input.failure === undefined && faultText !== undefined ? unfinished(input, faultText) : resultOf(input);
}

/** The same chunks, each behind a turn. */
async function* inTurn(chunks: AsyncGenerator<Uint8Array>, turn: Turn): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await turn?.();
    yield chunk;
  }
}

function describeGzipFault(gzip: GzipEnd): string | undefined {
  if (gzip.end === 'cut') return 'its gzip data stops in the middle, expected an end mark';
  if (gzip.end === 'damaged') return `its gzip data is damaged (${gzip.reason})`;
  return gzip.end === 'surplus' ? 'behind its gzip data stands something else, expected nothing or another gzip member' : undefined;
}

/** Enough chunks to tell gzip from text, as one; `all` are they and those that follow. */
async function takeHead(chunks: AsyncGenerator<Uint8Array>): Promise<{ head: Uint8Array; all: AsyncGenerator<Uint8Array> }> {
  let head = new Uint8Array(0);
  while (head.length < GZIP_SIGNATURE_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, all: joined(head, chunks) };
}

async function* joined(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

function unfinished(input: WholeInput, reason: string): WholeFileResult {
  return { bytesRead: input.bytesRead, problem: describeUnfinishedRead(input.name, reason) };
}

function resultOf(input: WholeInput): WholeFileResult {
  return input.failure === undefined ? { bytesRead: input.bytesRead } : unfinished(input, reasonOf(input.failure));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
