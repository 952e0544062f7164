import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { open } from 'node:fs/promises';
import { algorithms, digestOf, type Algorithm, type Digest } from './checksum.ts';
import { Refusal } from './refusal.ts';

export interface Received {
  readonly sizeBytes: number;
  /** Hex, as in ETags. */
  readonly md5: string;
  /** What the client sent, found right; or the one it was told to compute. */
  readonly checksum: { readonly algorithm: Algorithm; readonly value: string } | undefined;
}

export async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  const trailers = new Map<string, string>();
  for await (const piece of payload(request, trailers)) pieces.push(piece);
  const text = Buffer.concat(pieces);
  holdToHash(request.headers, createHash('sha256').update(text).digest('hex'));
  return text.toString('utf8');
}

/** Writes the body to a file, and holds it to every hash that came with it. `wanted` is computed where none came. */
export async function receive(
  request: IncomingMessage,
  file: string,
  wanted: Algorithm | undefined,
): Promise<Received> {
  const { headers } = request;
  const trailers = new Map<string, string>();
  const algorithm = announced(headers) ?? wanted;
  const digest = algorithm === undefined ? undefined : digestOf(algorithm);
  const md5 = createHash('md5');
  const signedHash = /^[0-9a-f]{64}$/.test(String(headers['x-amz-content-sha256']))
    ? createHash('sha256')
    : undefined;
  let sizeBytes = 0;
  const target = await open(file, 'wx');
  try {
    const pending: Uint8Array[] = [];
    let pendingBytes = 0;
    const flush = async (): Promise<void> => {
      if (pending.length > 0) await target.writev(pending.splice(0));
      pendingBytes = 0;
    };
    for await (const piece of payload(request, trailers)) {
      md5.update(piece);
      signedHash?.update(piece);
      digest?.update(piece);
      sizeBytes += piece.length;
      pending.push(piece);
      pendingBytes += piece.length;
      if (pendingBytes >= 1024 * 1024) await flush();
    }
    await flush();
  } finally {
    await target.close();
  }
  if (signedHash !== undefined) holdToHash(headers, signedHash.digest('hex'));
  const sum = md5.digest();
  const sentMd5 = headers['content-md5'];
  if (sentMd5 !== undefined && sentMd5 !== sum.toString('base64')) throw new Refusal(400, 'BadDigest');
  return {
    sizeBytes,
    md5: sum.toString('hex'),
    checksum: algorithm && digest && held(algorithm, digest, headers, trailers),
  };
}

function held(
  algorithm: Algorithm,
  digest: Digest,
  headers: IncomingHttpHeaders,
  trailers: ReadonlyMap<string, string>,
): { algorithm: Algorithm; value: string } {
  const name = `x-amz-checksum-${algorithm}`;
  const sent = headers[name] ?? trailers.get(name);
  const value = digest.value();
  if (sent !== undefined && sent !== value) {
    throw new Refusal(
      400,
      'BadDigest',
      `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    );
  }
  return { algorithm, value };
}

/** The checksum that came, or comes behind the body. */
function announced(headers: IncomingHttpHeaders): Algorithm | undefined {
  const trailer = String(headers['x-amz-trailer'] ?? '');
  return algorithms.find(
    (each) => headers[`x-amz-checksum-${each}`] !== undefined || trailer === `x-amz-checksum-${each}`,
  );
}

function holdToHash(headers: IncomingHttpHeaders, actual: string): void {
  const signed = String(headers['x-amz-content-sha256']);
  if (/^[0-9a-f]{64}$/.test(signed) && signed !== actual) throw new Refusal(400, 'XAmzContentSHA256Mismatch');
}

/** The body without the framing of aws-chunked; what comes behind it goes to `trailers`. */
async function* payload(request: IncomingMessage, trailers: Map<string, string>): AsyncGenerator<Uint8Array> {
  if (!String(request.headers['x-amz-content-sha256']).startsWith('STREAMING-')) {
    yield* request as AsyncIterable<Buffer>;
    return;
  }
  let rest: Buffer = Buffer.alloc(0);
  let left = 0;
  let state = 'size' as 'size' | 'data' | 'trailers';
  for await (const piece of request as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (;;) {
      if (state === 'data') {
        const data = rest.subarray(0, left);
        if (data.length > 0) yield data;
        left -= data.length;
        rest = rest.subarray(data.length);
        if (left > 0 || rest.length < 2) break;
        rest = rest.subarray(2);
        state = 'size';
      }
      const end = rest.indexOf('\r\n');
      if (end < 0) break;
      const line = rest.subarray(0, end).toString('latin1');
      rest = rest.subarray(end + 2);
      if (state === 'size') {
        left = parseInt(line, 16);
        state = left > 0 ? 'data' : 'trailers';
      } else {
        const colon = line.indexOf(':');
        if (colon > 0) trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
      }
    }
  }
  if (state !== 'trailers') throw new Refusal(400, 'IncompleteBody');
}
