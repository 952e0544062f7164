import { readText } from './body.ts';
import { removeObject } from './objects.ts';
import type { Answer, Asked } from './operation.ts';
import { Refusal } from './refusal.ts';
import type { Version } from './storage.ts';
import { allOf, textOf, xml } from './xml.ts';

/** A page that is full carries on at a token; 1,000 at most. */
export function listObjects({ bucket, query, storage, effect }: Asked): Answer {
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString();
  const most = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const delimiter = query.get('delimiter') ?? '';
  const hidden = effect?.kind === 'hide' ? new RegExp(effect.keys) : undefined;
  const { versions } = storage.bucket(bucket);
  const keys = sortedKeys([...versions.keys()]).filter(
    (key) =>
      key.startsWith(prefix) &&
      key > after &&
      storage.current(bucket, key) !== undefined &&
      hidden?.test(key) !== true,
  );
  const page = keys.slice(0, most);
  const [objects, folders] = grouped(page, prefix, delimiter);
  return {
    status: 200,
    body: xml('ListBucketResult', {
      Name: bucket,
      Prefix: prefix,
      Delimiter: delimiter === '' ? undefined : delimiter,
      KeyCount: page.length,
      MaxKeys: most,
      IsTruncated: keys.length > most,
      NextContinuationToken:
        keys.length > most ? Buffer.from(page.at(-1) ?? '').toString('base64') : undefined,
      Contents: objects.flatMap((key) => contents(storage.current(bucket, key))),
      CommonPrefixes: folders.map((folder) => ({ Prefix: folder })),
    }),
  };
}

export function listVersions({ bucket, query, storage }: Asked): Answer {
  const prefix = query.get('prefix') ?? '';
  const most = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const [keyMarker, versionMarker] = [query.get('key-marker') ?? '', query.get('version-id-marker')];
  const { versions } = storage.bucket(bucket);
  const all = sortedKeys([...versions.keys()])
    .filter(
      (key) => key.startsWith(prefix) && (key > keyMarker || (key === keyMarker && versionMarker !== null)),
    )
    .flatMap((key) => {
      const ofKey = versions.get(key) ?? [];
      const from =
        key === keyMarker ? ofKey.findIndex(({ versionId }) => versionId === versionMarker) + 1 : 0;
      return ofKey.map((version, index) => ({ version, isLatest: index === 0 })).slice(from);
    });
  const page = all.slice(0, most);
  const last = page.at(-1)?.version;
  const element = ({
    version,
    isLatest,
  }: (typeof all)[number]): Record<string, string | number | boolean> => ({
    Key: version.key,
    VersionId: version.versionId,
    IsLatest: isLatest,
    LastModified: new Date(version.modifiedAt).toISOString(),
    ...(version.deleteMarker !== true && { ETag: version.etag, Size: version.sizeBytes }),
  });
  return {
    status: 200,
    body: xml('ListVersionsResult', {
      Name: bucket,
      Prefix: prefix,
      MaxKeys: most,
      IsTruncated: all.length > most,
      ...(all.length > most && { NextKeyMarker: last?.key, NextVersionIdMarker: last?.versionId }),
      Version: page.filter(({ version }) => version.deleteMarker !== true).map(element),
      DeleteMarker: page.filter(({ version }) => version.deleteMarker === true).map(element),
    }),
  };
}

export function listUploads({ bucket, query, storage }: Asked): Answer {
  const prefix = query.get('prefix') ?? '';
  const most = Math.min(Number(query.get('max-uploads') ?? 1000), 1000);
  const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''];
  const uploads = [...storage.bucket(bucket).uploads.values()]
    .filter(
      ({ key, id }) => key.startsWith(prefix) && [key, id].join('\0') > [keyMarker, idMarker].join('\0'),
    )
    .sort((one, other) => ([one.key, one.id].join('\0') < [other.key, other.id].join('\0') ? -1 : 1));
  const page = uploads.slice(0, most);
  return {
    status: 200,
    body: xml('ListMultipartUploadsResult', {
      Bucket: bucket,
      Prefix: prefix,
      IsTruncated: uploads.length > most,
      NextKeyMarker: page.at(-1)?.key,
      NextUploadIdMarker: page.at(-1)?.id,
      Upload: page.map(({ key, id, startedAt }) => ({
        Key: key,
        UploadId: id,
        Initiated: new Date(startedAt).toISOString(),
      })),
    }),
  };
}

export async function deleteObjects(asked: Asked): Promise<Answer> {
  const objects = allOf(await readText(asked.request), 'Object');
  const results = objects.map((object) => {
    const key = textOf(object, 'Key') ?? '';
    const version = textOf(object, 'VersionId');
    try {
      removeObject(asked, asked.bucket, key, version ?? null);
      return { Deleted: { Key: key, VersionId: version } };
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      return { Error: { Key: key, VersionId: version, Code: thrown.code, Message: thrown.message } };
    }
  });
  return {
    status: 200,
    body: xml('DeleteResult', {
      Deleted: results.flatMap((each) => ('Deleted' in each ? [each.Deleted] : [])),
      Error: results.flatMap((each) => ('Error' in each ? [each.Error] : [])),
    }),
  };
}

function contents(version: Version | undefined): Record<string, string | number>[] {
  if (version === undefined) return [];
  const { key, etag, sizeBytes, modifiedAt, headers } = version;
  return [
    {
      Key: key,
      LastModified: new Date(modifiedAt).toISOString(),
      ETag: etag,
      Size: sizeBytes,
      StorageClass: headers['x-amz-storage-class'] ?? 'STANDARD',
    },
  ];
}

function grouped(keys: readonly string[], prefix: string, delimiter: string): [string[], string[]] {
  if (delimiter === '') return [[...keys], []];
  const objects: string[] = [];
  const folders = new Set<string>();
  for (const key of keys) {
    const cut = key.indexOf(delimiter, prefix.length);
    if (cut < 0) objects.push(key);
    else folders.add(key.slice(0, cut + delimiter.length));
  }
  return [objects, [...folders]];
}

/** In the order of their bytes, as S3 has it. */
function sortedKeys(keys: string[]): string[] {
  return keys.sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}
