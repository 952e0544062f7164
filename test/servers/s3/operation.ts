import type { IncomingMessage } from 'node:http';
import type { Counters, Fault } from './faults.ts';
import type { Storage } from './storage.ts';

/** One request, taken apart. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly storage: Storage;
  readonly counters: Counters;
  readonly effect: Fault['effect'] | undefined;
  readonly now: () => number;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
}

/** A request's headers whose names begin so. */
export function headersThatStart(request: IncomingMessage, ...starts: string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers)
      .filter(([name]) => starts.some((start) => name.startsWith(start)))
      .map(([name, value]) => [name, String(value)]),
  );
}

/** What S3 calls this. */
export function operationOf({ request, key, query }: Pick<Asked, 'request' | 'key' | 'query'>): string {
  const method = request.method ?? '';
  const has = (name: string): boolean => query.has(name);
  const copies = request.headers['x-amz-copy-source'] !== undefined;
  if (key === '') {
    if (method === 'GET') {
      if (has('uploads')) return 'ListMultipartUploads';
      if (has('versions')) return 'ListObjectVersions';
      if (has('versioning')) return 'GetBucketVersioning';
      if (has('object-lock')) return 'GetObjectLockConfiguration';
      if (has('location')) return 'GetBucketLocation';
      return 'ListObjectsV2';
    }
    if (method === 'PUT') return has('versioning') ? 'PutBucketVersioning' : 'CreateBucket';
    return { HEAD: 'HeadBucket', DELETE: 'DeleteBucket', POST: 'DeleteObjects' }[method] ?? 'Unknown';
  }
  if (method === 'GET' && has('uploadId')) return 'ListParts';
  if (method === 'DELETE' && has('uploadId')) return 'AbortMultipartUpload';
  if (method === 'POST') return has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
  if (method === 'PUT') {
    if (has('partNumber')) return copies ? 'UploadPartCopy' : 'UploadPart';
    if (has('retention')) return 'PutObjectRetention';
    if (has('legal-hold')) return 'PutObjectLegalHold';
    return copies ? 'CopyObject' : 'PutObject';
  }
  return { GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method] ?? 'Unknown';
}
