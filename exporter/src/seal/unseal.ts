import { createHash } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import { entered } from './entered.ts';
import { payloadFault } from './fault.ts';
import { nonceBytes, payloadKey } from './file-key.ts';
import { checkMac, damaged, HeaderParser, type Header } from './header.ts';
import { unwrapFileKey } from './identity.ts';
import { Line } from './line.ts';
import type { SealOptions, SealSummary } from './seal.ts';
import { SourceReader } from './source-reader.ts';
import { batchChunks } from './stream.ts';

/** One age file being opened: its plaintext, to be iterated once; then ask for the summary. */
export interface Unsealing extends AsyncIterable<Uint8Array> {
  readonly summary: Promise<SealSummary>;
}

/**
 * Opens an age file with whichever of `identities` fits (`AGE-SECRET-KEY-…`). Resolves when the header has been read and its
 * MAC checked; rejects with `header_invalid`, `no_identity_match`, `identity_invalid`.
 *
 * Plaintext comes out only after it has been authenticated. Before the end it may still be cut short: only an iteration
 * that ends without `payload_invalid` has given the whole file. Leaving it early, or aborting the signal, gives up, and the
 * summary rejects. The source is read no further than a few MiB ahead, and closed in every case, but for a file that is opened and
 * never iterated.
 */
export async function unseal(
  source: AsyncIterable<Uint8Array>,
  identities: readonly string[],
  options: SealOptions,
): Promise<Unsealing> {
  const reader = new SourceReader(source, AbortSignal.any([options.signal, options.pool.closing]));
  try {
    const header = await readHeader(reader);
    const fileKey = await unwrapFileKey(header, identities);
    checkMac(header, fileKey);
    const nonce = Buffer.alloc(nonceBytes);
    if ((await reader.fill(nonce)) < nonceBytes) {
      throw damaged(`the file ends at byte ${reader.position}, right after it`);
    }
    return plaintextOf(reader, header, { fileKey, nonce }, options);
  } catch (thrown) {
    await reader.close();
    throw thrown;
  }
}

async function readHeader(reader: SourceReader): Promise<Header> {
  const parser = new HeaderParser();
  for (;;) {
    const piece = await reader.peek();
    if (piece === undefined) return parser.fail();
    const end = parser.push(piece);
    reader.skip(end?.used ?? piece.length);
    if (end !== undefined) return end.header;
  }
}

function plaintextOf(
  reader: SourceReader,
  header: Header,
  { fileKey, nonce }: { readonly fileKey: Uint8Array; readonly nonce: Uint8Array },
  { pool, signal }: SealOptions,
): Unsealing {
  const summary = Promise.withResolvers<SealSummary>();
  // Whoever iterates hears of the failure there; the summary may then be nobody's.
  summary.promise.catch(() => undefined);
  const key = payloadKey(fileKey, nonce);
  const openLine = (): Line => new Line(pool, { work: 'open', key, nonce, signal });
  return {
    summary: summary.promise,
    [Symbol.asyncIterator]: () => entered(pieces(reader, openLine, header, summary)),
  };
}

async function* pieces(
  reader: SourceReader,
  openLine: () => Line,
  header: Header,
  summary: PromiseWithResolvers<SealSummary>,
): AsyncGenerator<Uint8Array> {
  let line: Line | undefined;
  try {
    yield new Uint8Array(0);
    // Threads are taken when the first piece is asked for: an opened file that nobody reads holds none.
    line = openLine();
    const feeder = new Feeder(reader, line);
    for (let last = false; !last;) {
      await feeder.feed();
      const batch = await line.take();
      if (batch.bytes.length > 0) yield batch.bytes;
      if (batch.fault !== undefined) throw payloadFault(batch.fault, header.bytes.length + nonceBytes);
      last = batch.last;
    }
    const report = await line.report();
    summary.resolve({
      plainBytes: report.outputBytes,
      plainSha256: report.outputSha256,
      headerBytes: header.bytes.length,
      headerSha256: createHash('sha256').update(header.bytes).digest('hex'),
      payloadBytes: nonceBytes + report.inputBytes,
      payloadSha256: report.inputSha256,
      encryptionSeconds: report.seconds,
    });
  } catch (thrown) {
    summary.reject(thrown);
    throw thrown;
  } finally {
    const givenUp = new LowtideError('cancelled', 'the plaintext was not taken to its end');
    line?.fail(givenUp);
    summary.reject(givenUp);
    await reader.close();
  }
}

/** Brings the payload to the line in batches of whole chunks. */
class Feeder {
  readonly #reader: SourceReader;
  readonly #line: Line;
  #first = 0;
  #ended = false;

  constructor(reader: SourceReader, line: Line) {
    this.#reader = reader;
    this.#line = line;
  }

  /** As long as nothing is ready to be taken and there is room. */
  async feed(): Promise<void> {
    while (!this.#ended && this.#line.hasRoom && !this.#line.hasDone) {
      const buffer = this.#line.emptyBuffer();
      const length = await this.#reader.fill(buffer);
      // Only the source's end tells which chunk is the last.
      this.#ended = length < buffer.length || (await this.#reader.peek()) === undefined;
      this.#line.send(buffer.subarray(0, length), { first: this.#first, last: this.#ended });
      this.#first += batchChunks;
    }
  }
}
