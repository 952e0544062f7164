import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Algorithm } from './checksum.ts';
import { Refusal } from './refusal.ts';

/** A run of bytes in a file; a copy shares its original's. */
export interface Piece {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export interface Checksum {
  readonly algorithm: Algorithm;
  readonly value: string;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
}

export interface Version {
  readonly key: string;
  readonly versionId: string;
  readonly pieces: readonly Piece[];
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum?: Checksum | undefined;
  readonly deleteMarker?: boolean;
  readonly retention?: { readonly mode: string; readonly until: string } | undefined;
  readonly legalHold?: boolean;
}

export interface Part {
  readonly number: number;
  readonly pieces: readonly Piece[];
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: number;
  readonly checksum?: { readonly algorithm: Algorithm; readonly value: string } | undefined;
}

export interface MultipartUpload {
  readonly id: string;
  readonly key: string;
  readonly startedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum?: { readonly algorithm: Algorithm; readonly type: Checksum['type'] } | undefined;
  readonly parts: Map<number, Part>;
}

type Change =
  | { readonly do: 'bucket'; readonly bucket: string; readonly lock: boolean }
  | { readonly do: 'remove_bucket'; readonly bucket: string }
  | { readonly do: 'versioning'; readonly bucket: string; readonly status: string }
  | { readonly do: 'put'; readonly bucket: string; readonly version: Version }
  | { readonly do: 'remove'; readonly bucket: string; readonly key: string; readonly versionId: string }
  | { readonly do: 'upload'; readonly bucket: string; readonly upload: Omit<MultipartUpload, 'parts'> }
  | { readonly do: 'part'; readonly bucket: string; readonly upload: string; readonly part: Part }
  | { readonly do: 'end_upload'; readonly bucket: string; readonly upload: string };

export interface Bucket {
  versioning: string;
  readonly lock: boolean;
  /** Newest first. */
  readonly versions: Map<string, Version[]>;
  readonly uploads: Map<string, MultipartUpload>;
}

/** All that is stored: bytes in files, everything else in memory and in a log, from which a restart reads it again. */
export class Storage {
  readonly #folder: string;
  readonly #log: number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #references = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'data'), { recursive: true });
    const log = join(folder, 'log');
    if (existsSync(log)) {
      for (const line of readFileSync(log, 'utf8').split('\n')) if (line !== '') this.#replay(line);
    }
    this.#log = openSync(log, 'a');
  }

  newFile(): string {
    return join(this.#folder, 'data', randomUUID());
  }

  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist', { BucketName: name });
    }
    return bucket;
  }

  hasBucket(name: string): boolean {
    return this.#buckets.has(name);
  }

  change(change: Change): void {
    writeSync(this.#log, `${JSON.stringify(change)}\n`);
    this.#apply(change);
  }

  current(bucket: string, key: string): Version | undefined {
    const newest = this.bucket(bucket).versions.get(key)?.[0];
    return newest?.deleteMarker === true ? undefined : newest;
  }

  upload(bucket: string, key: string, id: string): MultipartUpload {
    const upload = this.bucket(bucket).uploads.get(id);
    if (upload?.key !== key)
      throw new Refusal(404, 'NoSuchUpload', 'The specified multipart upload does not exist.');
    return upload;
  }

  /** A line that a kill has torn is the last one. */
  #replay(line: string): void {
    let change: Change;
    try {
      change = JSON.parse(line) as Change;
    } catch {
      return;
    }
    this.#apply(change);
  }

  #apply(change: Change): void {
    if (change.do === 'bucket') {
      const bucket = { versioning: change.lock ? 'Enabled' : '', lock: change.lock };
      this.#buckets.set(change.bucket, { ...bucket, versions: new Map(), uploads: new Map() });
      return;
    }
    const bucket = this.bucket(change.bucket);
    switch (change.do) {
      case 'remove_bucket':
        this.#buckets.delete(change.bucket);
        break;
      case 'versioning':
        bucket.versioning = change.status;
        break;
      case 'put':
        this.#put(bucket, change.version);
        break;
      case 'remove':
        this.#remove(bucket, change.key, change.versionId);
        break;
      case 'upload':
        bucket.uploads.set(change.upload.id, { ...change.upload, parts: new Map() });
        break;
      case 'part': {
        const parts = bucket.uploads.get(change.upload)?.parts;
        this.#hold(change.part.pieces);
        this.#release(parts?.get(change.part.number)?.pieces ?? []);
        parts?.set(change.part.number, change.part);
        break;
      }
      case 'end_upload':
        for (const part of bucket.uploads.get(change.upload)?.parts.values() ?? [])
          this.#release(part.pieces);
        bucket.uploads.delete(change.upload);
    }
  }

  #put(bucket: Bucket, version: Version): void {
    this.#hold(version.pieces);
    const versions = bucket.versions.get(version.key) ?? [];
    // Changed facts of a version that is there, or what takes the place of the one without a version.
    const same = versions.findIndex(({ versionId }) => versionId === version.versionId);
    const changed = same >= 0 && bucket.versioning === 'Enabled';
    if (same >= 0) this.#release(versions[same]?.pieces ?? []);
    if (changed) versions[same] = version;
    else bucket.versions.set(version.key, [version, ...versions.filter((_, index) => index !== same)]);
  }

  #remove(bucket: Bucket, key: string, id: string): void {
    const versions = bucket.versions.get(key) ?? [];
    for (const version of versions) if (version.versionId === id) this.#release(version.pieces);
    const left = versions.filter(({ versionId }) => versionId !== id);
    if (left.length > 0) bucket.versions.set(key, left);
    else bucket.versions.delete(key);
  }

  #hold(pieces: readonly Piece[]): void {
    for (const { file } of pieces) this.#references.set(file, (this.#references.get(file) ?? 0) + 1);
  }

  #release(pieces: readonly Piece[]): void {
    for (const { file } of pieces) {
      const left = (this.#references.get(file) ?? 1) - 1;
      if (left > 0) this.#references.set(file, left);
      else {
        this.#references.delete(file);
        rmSync(file, { force: true });
      }
    }
  }
}

/** The bytes of these pieces from `start` up to `end`. */
export async function* bytesOf(
  pieces: readonly Piece[],
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (const piece of rangeOf(pieces, start, end)) {
    const stream = createReadStream(piece.file, {
      start: piece.start,
      end: piece.end - 1,
      highWaterMark: 1024 * 1024,
    });
    yield* stream as AsyncIterable<Buffer>;
  }
}

/** The same bytes, as pieces. */
export function rangeOf(pieces: readonly Piece[], start: number, end: number): Piece[] {
  const found: Piece[] = [];
  let position = 0;
  for (const piece of pieces) {
    const length = piece.end - piece.start;
    const [from, to] = [Math.max(start - position, 0), Math.min(end - position, length)];
    if (from < to) found.push({ file: piece.file, start: piece.start + from, end: piece.start + to });
    position += length;
  }
  return found;
}
