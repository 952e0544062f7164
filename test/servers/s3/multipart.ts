import { createHash, randomUUID } from 'node:crypto';
import { readText, receive } from './body.ts';
import { algorithms, base64Of, crc32Joined, digestOf, type Algorithm } from './checksum.ts';
import {
  copySource,
  holdToConditions,
  keptHeaders,
  lockOf,
  nextVersion,
  rangeIn,
  versionHeader,
} from './objects.ts';
import type { Answer, Asked } from './operation.ts';
import { Refusal } from './refusal.ts';
import { bytesOf, rangeOf, type Checksum, type MultipartUpload, type Part, type Version } from './storage.ts';
import { allOf, textOf, xml } from './xml.ts';

const leastPartBytes = 5 * 1024 * 1024;
const mostPartBytes = 5 * 1024 ** 3;

export function createUpload(asked: Asked): Answer {
  const { request, bucket, key, storage } = asked;
  storage.bucket(bucket);
  const algorithm = String(request.headers['x-amz-checksum-algorithm'] ?? '').toLowerCase();
  const type = String(request.headers['x-amz-checksum-type'] ?? 'COMPOSITE') as Checksum['type'];
  const upload = {
    id: randomUUID(),
    key,
    startedAt: asked.now(),
    headers: { ...keptHeaders(asked), ...lockHeaders(asked) },
    checksum: isAlgorithm(algorithm) ? { algorithm, type } : undefined,
  };
  storage.change({ do: 'upload', bucket, upload });
  return {
    status: 200,
    headers: { ...(upload.checksum && { 'x-amz-checksum-algorithm': algorithm.toUpperCase() }) },
    body: xml('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId: upload.id }),
  };
}

export async function uploadPart(asked: Asked): Promise<Answer> {
  const { request, bucket, storage } = asked;
  const [number, upload] = partAsked(asked);
  const file = storage.newFile();
  const { sizeBytes, md5, checksum } = await receive(request, file, upload.checksum?.algorithm);
  // It may have been given up meanwhile.
  partAsked(asked);
  const part: Part = {
    number,
    pieces: [{ file, start: 0, end: sizeBytes }],
    sizeBytes,
    etag: `"${md5}"`,
    modifiedAt: asked.now(),
    checksum,
  };
  storage.change({ do: 'part', bucket, upload: upload.id, part });
  return {
    status: 200,
    headers: {
      etag: part.etag,
      ...(checksum && { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value }),
    },
  };
}

export async function copyPart(asked: Asked): Promise<Answer> {
  const { request, bucket, storage } = asked;
  const [number, upload] = partAsked(asked);
  const source = copySource(asked);
  const header = request.headers['x-amz-copy-source-range'];
  const [start, end] = rangeIn(header === undefined ? undefined : String(header), source.sizeBytes) ?? [
    0,
    source.sizeBytes,
  ];
  if (end - start > mostPartBytes) throw new Refusal(400, 'InvalidRequest', 'The part is larger than 5 GiB');
  const shift = asked.effect?.kind === 'miscopy' ? 7 : 0;
  const pieces = rangeOf(source.pieces, start - shift, end - shift);
  const md5 = createHash('md5');
  const algorithm = upload.checksum?.algorithm;
  const digest = algorithm && digestOf(algorithm);
  for await (const bytes of bytesOf(pieces, 0, end - start)) {
    md5.update(bytes);
    digest?.update(bytes);
  }
  const part: Part = {
    number,
    pieces,
    sizeBytes: end - start,
    etag: `"${md5.digest('hex')}"`,
    modifiedAt: asked.now(),
    checksum: algorithm && digest && { algorithm, value: digest.value() },
  };
  storage.change({ do: 'part', bucket, upload: upload.id, part });
  return {
    status: 200,
    body: xml('CopyPartResult', {
      ETag: part.etag,
      LastModified: new Date(part.modifiedAt).toISOString(),
      ...checksumElement(part.checksum),
    }),
  };
}

export async function completeUpload(asked: Asked): Promise<Answer> {
  const { request, bucket, key, query, storage } = asked;
  const document = await readText(request);
  const upload = storage.upload(bucket, key, query.get('uploadId') ?? '');
  holdToConditions(asked);
  const parts = allOf(document, 'Part').map((listed) => partListed(listed, upload));
  if (parts.length === 0) throw new Refusal(400, 'MalformedXML');
  for (const [index, part] of parts.entries()) {
    if (index > 0 && part.number <= (parts[index - 1]?.number ?? 0))
      throw new Refusal(400, 'InvalidPartOrder');
    if (index < parts.length - 1 && part.sizeBytes < leastPartBytes)
      throw new Refusal(
        400,
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
      );
  }
  const checksum = checksumOf(upload, parts);
  const sent = checksum && request.headers[`x-amz-checksum-${checksum.algorithm}`];
  if (sent !== undefined && sent !== checksum?.value) throw new Refusal(400, 'BadDigest');
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const md5s = createHash('md5');
  for (const { etag } of parts) md5s.update(Buffer.from(etag.slice(1, -1), 'hex'));
  const version: Version = {
    key,
    versionId: nextVersion(storage.bucket(bucket)),
    pieces: parts.flatMap(({ pieces }) => pieces),
    sizeBytes,
    etag: `"${md5s.digest('hex')}-${parts.length}"`,
    modifiedAt: asked.now(),
    headers: Object.fromEntries(Object.entries(upload.headers).filter(([name]) => !isLock(name))),
    checksum,
    ...lockOf(upload.headers),
  };
  storage.change({ do: 'put', bucket, version });
  storage.change({ do: 'end_upload', bucket, upload: upload.id });
  return {
    status: 200,
    headers: versionHeader(version),
    body: xml('CompleteMultipartUploadResult', {
      Bucket: bucket,
      Key: key,
      ETag: version.etag,
      ...checksumElement(checksum),
      ChecksumType: checksum?.type,
    }),
  };
}

export function abortUpload({ bucket, key, query, storage }: Asked): Answer {
  const { id } = storage.upload(bucket, key, query.get('uploadId') ?? '');
  storage.change({ do: 'end_upload', bucket, upload: id });
  return { status: 204 };
}

export function listParts({ bucket, key, query, storage }: Asked): Answer {
  const upload = storage.upload(bucket, key, query.get('uploadId') ?? '');
  const after = Number(query.get('part-number-marker') ?? 0);
  const most = Math.min(Number(query.get('max-parts') ?? 1000), 1000);
  const parts = [...upload.parts.values()]
    .sort((one, other) => one.number - other.number)
    .filter(({ number }) => number > after);
  const page = parts.slice(0, most);
  return {
    status: 200,
    body: xml('ListPartsResult', {
      Bucket: bucket,
      Key: key,
      UploadId: upload.id,
      IsTruncated: parts.length > most,
      NextPartNumberMarker: page.at(-1)?.number,
      Part: page.map((part) => ({
        PartNumber: part.number,
        Size: part.sizeBytes,
        ETag: part.etag,
        LastModified: new Date(part.modifiedAt).toISOString(),
        ...checksumElement(part.checksum),
      })),
    }),
  };
}

function partAsked({ bucket, key, query, storage }: Asked): [number, MultipartUpload] {
  const number = Number(query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new Refusal(400, 'InvalidArgument');
  return [number, storage.upload(bucket, key, query.get('uploadId') ?? '')];
}

function partListed(listed: string, upload: MultipartUpload): Part {
  const part = upload.parts.get(Number(textOf(listed, 'PartNumber')));
  if (part === undefined || part.etag.replaceAll('"', '') !== textOf(listed, 'ETag')?.replaceAll('"', ''))
    throw new Refusal(400, 'InvalidPart', 'One or more of the specified parts could not be found.');
  const algorithm = upload.checksum?.algorithm;
  const sent = algorithm && textOf(listed, `Checksum${algorithm.toUpperCase()}`);
  if (sent !== undefined && sent !== part.checksum?.value) throw new Refusal(400, 'InvalidPart');
  return part;
}

function checksumOf({ checksum }: MultipartUpload, parts: readonly Part[]): Checksum | undefined {
  if (checksum === undefined) return undefined;
  const { algorithm, type } = checksum;
  const values = parts.map((part) => Buffer.from(part.checksum?.value ?? '', 'base64'));
  if (type === 'COMPOSITE') {
    const digest = digestOf(algorithm);
    for (const value of values) digest.update(value);
    return { algorithm, type, value: `${digest.value()}-${parts.length}` };
  }
  if (algorithm !== 'crc32')
    throw new Refusal(501, 'NotImplemented', 'The double joins no checksums but CRC32');
  const sum = parts.reduce(
    (joined, part, index) => crc32Joined(joined, values[index]?.readUInt32BE() ?? 0, part.sizeBytes),
    0,
  );
  return { algorithm, type, value: base64Of(sum) };
}

function checksumElement(
  checksum: { readonly algorithm: Algorithm; readonly value: string } | undefined,
): Record<string, string> {
  return checksum === undefined ? {} : { [`Checksum${checksum.algorithm.toUpperCase()}`]: checksum.value };
}

function isAlgorithm(text: string): text is Algorithm {
  return (algorithms as readonly string[]).includes(text);
}

const isLock = (name: string): boolean => name.startsWith('x-amz-object-lock-');

function lockHeaders({ request }: Asked): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers)
      .filter(([name]) => isLock(name))
      .map(([name, value]) => [name, String(value)]),
  );
}
