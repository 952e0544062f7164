import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { receive, readText } from './body.ts';
import { headersThatStart, type Answer, type Asked } from './operation.ts';
import { Refusal } from './refusal.ts';
import { bytesOf, type Bucket, type Version } from './storage.ts';
import { textOf, xml } from './xml.ts';

export async function putObject(asked: Asked): Promise<Answer> {
  const { request, bucket, key, storage } = asked;
  storage.bucket(bucket);
  holdToConditions(asked);
  const file = storage.newFile();
  const { sizeBytes, md5, checksum } = await receive(request, file, 'crc32');
  // Of two that came at once, the second one must see the first.
  holdToConditions(asked);
  const version: Version = {
    key,
    versionId: nextVersion(storage.bucket(bucket)),
    pieces: [{ file, start: 0, end: sizeBytes }],
    sizeBytes,
    etag: `"${md5}"`,
    modifiedAt: asked.now(),
    headers: keptHeaders(asked),
    checksum: checksum && { ...checksum, type: 'FULL_OBJECT' },
    ...lockOf(request.headers),
  };
  storage.change({ do: 'put', bucket, version });
  return {
    status: 200,
    headers: { etag: version.etag, ...checksumHeaders(version), ...versionHeader(version) },
  };
}

export function copyObject(asked: Asked): Answer {
  const { bucket, key, storage } = asked;
  const source = copySource(asked);
  holdToConditions(asked);
  const version = {
    ...source,
    key,
    versionId: nextVersion(storage.bucket(bucket)),
    modifiedAt: asked.now(),
    retention: undefined,
    legalHold: false,
  };
  storage.change({ do: 'put', bucket, version });
  return {
    status: 200,
    headers: versionHeader(version),
    body: xml('CopyObjectResult', {
      ETag: version.etag,
      LastModified: new Date(version.modifiedAt).toISOString(),
    }),
  };
}

export function getObject(asked: Asked): Answer {
  const { request } = asked;
  const version = versionAsked(asked);
  if (version?.deleteMarker === true) throw new Refusal(405, 'MethodNotAllowed');
  if (version === undefined) throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined && ifMatch !== version.etag) throw new Refusal(412, 'PreconditionFailed');
  const headers: Record<string, string> = {
    ...version.headers,
    etag: version.etag,
    'last-modified': new Date(version.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
    ...versionHeader(version),
    ...(version.retention && {
      'x-amz-object-lock-mode': version.retention.mode,
      'x-amz-object-lock-retain-until-date': version.retention.until,
    }),
    ...(version.legalHold === true && { 'x-amz-object-lock-legal-hold': 'ON' }),
  };
  const range = rangeIn(request.headers.range, version.sizeBytes);
  const [start, end] = range ?? [0, version.sizeBytes];
  if (range !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${version.sizeBytes}`;
  else if (request.headers['x-amz-checksum-mode'] === 'ENABLED')
    Object.assign(headers, checksumHeaders(version));
  headers['content-length'] = String(end - start);
  return {
    status: range === undefined ? 200 : 206,
    headers,
    ...(request.method === 'GET' && { body: bytesOf(version.pieces, start, end) }),
  };
}

/** The one that is there now, where none is named. */
function versionAsked({ query, bucket, key, storage }: Asked): Version | undefined {
  const wanted = query.get('versionId');
  if (wanted === null) return storage.current(bucket, key);
  const versions = storage.bucket(bucket).versions.get(key) ?? [];
  return versions.find(({ versionId }) => versionId === wanted);
}

export function deleteObject({ bucket, key, query, storage, now }: Asked): Answer {
  removeObject({ storage, now }, bucket, key, query.get('versionId'));
  return { status: 204 };
}

/** Without a version, a versioned bucket gets a marker. */
export function removeObject(
  { storage, now }: Pick<Asked, 'storage' | 'now'>,
  bucket: string,
  key: string,
  versionId: string | null,
): void {
  const { versioning, versions } = storage.bucket(bucket);
  if (versionId === null && versioning === 'Enabled') {
    const marker = { pieces: [], sizeBytes: 0, etag: '', headers: {}, deleteMarker: true };
    const version: Version = { ...marker, key, versionId: randomUUID(), modifiedAt: now() };
    storage.change({ do: 'put', bucket, version });
    return;
  }
  const id = versionId ?? 'null';
  const version = versions.get(key)?.find((each) => each.versionId === id);
  if (version === undefined) return;
  if (isLocked(version, now()))
    throw new Refusal(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
  storage.change({ do: 'remove', bucket, key, versionId: id });
}

export async function putRetention(asked: Asked): Promise<Answer> {
  const document = await readText(asked.request);
  const mode = textOf(document, 'Mode') ?? 'GOVERNANCE';
  const until = textOf(document, 'RetainUntilDate') ?? '';
  return changeLock(asked, { retention: { mode, until } });
}

export async function putLegalHold(asked: Asked): Promise<Answer> {
  const document = await readText(asked.request);
  return changeLock(asked, { legalHold: textOf(document, 'Status') === 'ON' });
}

function changeLock(asked: Asked, lock: Partial<Version>): Answer {
  const { bucket, storage } = asked;
  const version = versionAsked(asked);
  if (version === undefined) throw new Refusal(404, 'NoSuchKey');
  if (!storage.bucket(bucket).lock)
    throw new Refusal(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration');
  storage.change({ do: 'put', bucket, version: { ...version, ...lock } });
  return { status: 200 };
}

function isLocked({ retention, legalHold }: Version, now: number): boolean {
  return legalHold === true || (retention !== undefined && Date.parse(retention.until) > now);
}

/** `If-None-Match: *` and `If-Match`, as writes have them. */
export function holdToConditions({ request, bucket, key, storage }: Asked): void {
  const current = storage.current(bucket, key);
  const { 'if-none-match': ifNoneMatch, 'if-match': ifMatch } = request.headers;
  if (ifNoneMatch === '*' && current !== undefined) {
    throw new Refusal(
      412,
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
      {
        Condition: 'If-None-Match',
      },
    );
  }
  if (ifMatch === undefined) return;
  if (current === undefined) throw new Refusal(404, 'NoSuchKey');
  if (current.etag !== ifMatch)
    throw new Refusal(412, 'PreconditionFailed', undefined, { Condition: 'If-Match' });
}

export function copySource({ request, storage }: Asked): Version {
  const [path = '', versionQuery] = String(request.headers['x-amz-copy-source']).split('?versionId=');
  const [bucket = '', ...key] = decodeURIComponent(path.replace(/^\//, '')).split('/');
  const name = key.join('/');
  const source =
    versionQuery === undefined
      ? storage.current(bucket, name)
      : storage
          .bucket(bucket)
          .versions.get(name)
          ?.find(({ versionId }) => versionId === versionQuery);
  if (source === undefined) throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
  const ifMatch = request.headers['x-amz-copy-source-if-match'];
  if (ifMatch !== undefined && ifMatch !== source.etag) throw new Refusal(412, 'PreconditionFailed');
  return source;
}

export function keptHeaders({ request }: Pick<Asked, 'request'>): Record<string, string> {
  return headersThatStart(request, 'x-amz-meta-', 'content-type', 'x-amz-storage-class');
}

export function lockOf(headers: IncomingHttpHeaders): Partial<Version> {
  const mode = headers['x-amz-object-lock-mode'];
  if (mode === undefined) return {};
  return {
    retention: { mode: String(mode), until: String(headers['x-amz-object-lock-retain-until-date']) },
  };
}

export function nextVersion({ versioning }: Bucket): string {
  return versioning === 'Enabled' ? randomUUID() : 'null';
}

export function versionHeader({ versionId }: Version): Record<string, string> {
  return versionId === 'null' ? {} : { 'x-amz-version-id': versionId };
}

function checksumHeaders({ checksum }: Pick<Version, 'checksum'>): Record<string, string> {
  if (checksum === undefined) return {};
  return {
    [`x-amz-checksum-${checksum.algorithm}`]: checksum.value,
    'x-amz-checksum-type': checksum.type,
  };
}

/** Up to, not including; undefined for the whole. */
export function rangeIn(header: string | undefined, sizeBytes: number): [number, number] | undefined {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === undefined) return undefined;
  const start = Number(from);
  if (start >= sizeBytes) throw new Refusal(416, 'InvalidRange', 'The requested range is not satisfiable');
  return [start, to === '' || to === undefined ? sizeBytes : Math.min(Number(to) + 1, sizeBytes)];
}
