import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Counters, Faults, type Fault } from './faults.ts';
import { deleteObjects, listObjects, listUploads, listVersions } from './listing.ts';
import { abortUpload, completeUpload, copyPart, createUpload, listParts, uploadPart } from './multipart.ts';
import { copyObject, deleteObject, getObject, putLegalHold, putObject, putRetention } from './objects.ts';
import { operationOf, type Answer, type Asked } from './operation.ts';
import { Refusal } from './refusal.ts';
import { readText } from './body.ts';
import { checkSignature } from './signature.ts';
import { Storage } from './storage.ts';
import { textOf, xml } from './xml.ts';

/**
 * An S3 server for tests: `main.ts FOLDER PORT ACCESS_KEY SECRET REGION`. What it is told at `/-/…` is for tests alone. It says
 * on standard error when it is ready.
 */
const [, , folder = '', port = '0', accessKeyId = '', secretAccessKey = '', region = ''] = process.argv;
const storage = new Storage(folder);
const faults = new Faults();
let counters = new Counters();
let clockSkewMs = 0;
let expired: 'all' | { readonly sessionToken: string } | null = null;
const now = (): number => Date.now() + clockSkewMs;

const operations: Readonly<Record<string, (asked: Asked) => Answer | Promise<Answer>>> = {
  CreateBucket: createBucket,
  HeadBucket: ({ bucket }) => {
    storage.bucket(bucket);
    return { status: 200, headers: { 'x-amz-bucket-region': region } };
  },
  DeleteBucket({ bucket }) {
    storage.bucket(bucket);
    storage.change({ do: 'remove_bucket', bucket });
    return { status: 204 };
  },
  GetBucketLocation: () => ({ status: 200, body: xml('LocationConstraint', {}) }),
  GetBucketVersioning: ({ bucket }) => {
    const { versioning } = storage.bucket(bucket);
    return {
      status: 200,
      body: xml('VersioningConfiguration', { Status: versioning === '' ? undefined : versioning }),
    };
  },
  GetObjectLockConfiguration({ bucket }) {
    if (!storage.bucket(bucket).lock) throw new Refusal(404, 'ObjectLockConfigurationNotFoundError');
    return { status: 200, body: xml('ObjectLockConfiguration', { ObjectLockEnabled: 'Enabled' }) };
  },
  async PutBucketVersioning({ bucket, request }) {
    const status = textOf(await readText(request), 'Status') ?? '';
    storage.change({ do: 'versioning', bucket, status });
    return { status: 200 };
  },
  ListObjectsV2: listObjects,
  ListObjectVersions: listVersions,
  ListMultipartUploads: listUploads,
  DeleteObjects: deleteObjects,
  PutObject: putObject,
  CopyObject: copyObject,
  GetObject: getObject,
  HeadObject: getObject,
  DeleteObject: deleteObject,
  PutObjectRetention: putRetention,
  PutObjectLegalHold: putLegalHold,
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  UploadPartCopy: copyPart,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
  ListParts: listParts,
};

function createBucket({ bucket, request }: Asked): Answer {
  if (storage.hasBucket(bucket)) throw new Refusal(409, 'BucketAlreadyOwnedByYou');
  const lock = request.headers['x-amz-bucket-object-lock-enabled'] === 'true';
  storage.change({ do: 'bucket', bucket, lock });
  return { status: 200, headers: { location: `/${bucket}` } };
}

const server = createServer((request, response) => {
  const url = request.url ?? '/';
  void (url.startsWith('/-/') ? control(url, request, response) : serve(request, response)).catch(
    (thrown: unknown) => {
      response.destroy();
      if (!request.destroyed) process.stderr.write(`${String(thrown)}\n`);
    },
  );
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const [, bucket = '', ...keyParts] = path.split('/').map(decodeURIComponent);
  const parts = { request, bucket, key: keyParts.join('/'), query: new URLSearchParams(query) };
  const operation = operationOf(parts);
  counters.count(operation, request);
  const effect = faults.take(operation, parts.key);
  const asked: Asked = { ...parts, storage, counters, effect, now };
  if (effect?.kind === 'cut' && !effect.done) {
    request.socket.destroy();
    return;
  }
  // Whoever asked is gone before anything was done.
  if (effect?.kind === 'kill') process.kill(effect.pid, 'SIGKILL');
  const answer = effect?.kind === 'kill' ? undefined : await answerTo(operation, asked);
  if (answer === undefined || effect?.kind === 'cut') request.socket.destroy();
  else await send(response, request.method ?? '', answer, effect);
}

async function answerTo(operation: string, asked: Asked): Promise<Answer> {
  const { effect, request } = asked;
  try {
    checkSignature(request, { accessKeyId, secretAccessKey, region }, now());
    if (isExpired(request)) throw new Refusal(400, 'ExpiredToken', 'The provided token has expired.');
    if (effect?.kind === 'refuse') throw new Refusal(effect.status, effect.code);
    const work = operations[operation];
    if (work === undefined) throw new Refusal(501, 'NotImplemented', `${operation} is not for this double`);
    return await work(asked);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const retryAfter = effect?.kind === 'refuse' ? effect.retryAfter : undefined;
    return {
      status: thrown.status,
      headers: {
        connection: 'close',
        ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
      },
      body: xml('Error', { Code: thrown.code, Message: thrown.message, ...thrown.more }),
    };
  }
}

function isExpired({ headers }: IncomingMessage): boolean {
  return expired === 'all' || (expired !== null && headers['x-amz-security-token'] === expired.sessionToken);
}

async function send(
  response: ServerResponse,
  method: string,
  { status, headers = {}, body }: Answer,
  effect: Asked['effect'],
): Promise<void> {
  response.writeHead(status, {
    date: new Date(now()).toUTCString(),
    'x-amz-request-id': 'double',
    ...(typeof body === 'string' && {
      'content-type': 'application/xml',
      'content-length': Buffer.byteLength(body),
    }),
    ...headers,
  });
  if (method === 'HEAD' || body === undefined) {
    response.end();
    return;
  }
  let sent = 0;
  for await (const piece of typeof body === 'string' ? [Buffer.from(body)] : body) {
    if (response.destroyed) return;
    if (effect?.kind === 'cut_body' && sent + piece.length >= effect.afterBytes) {
      response.write(piece.subarray(0, effect.afterBytes - sent), () => response.destroy());
      return;
    }
    if (effect?.kind === 'corrupt' && effect.at >= sent && effect.at < sent + piece.length) {
      piece[effect.at - sent] = (piece[effect.at - sent] ?? 0) ^ 1;
    }
    sent += piece.length;
    counters.sentBytes += piece.length;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}

async function control(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const said = await text(request);
  if (url === '/-/fault') faults.add(JSON.parse(said) as Fault);
  else if (url === '/-/clock') clockSkewMs = Number(said);
  else if (url === '/-/expire') expired = JSON.parse(said) as typeof expired;
  else if (url === '/-/calm') faults.clear();
  else if (url === '/-/reset') counters = new Counters();
  const { requests, receivedBytes, sentBytes } = counters;
  response.end(JSON.stringify({ requests, receivedBytes, sentBytes, unfired: faults.unfired() }));
}

// The longest test waits between two pieces of a body.
server.requestTimeout = 0;
server.listen(Number(port), '127.0.0.1', () => process.stderr.write('the S3 double is ready\n'));
