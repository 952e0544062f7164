import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { sendOver } from '../line.ts';
import type { Bucket } from './bucket.ts';
import { conditionally, throwChange, unlessMine, type Condition } from './condition.ts';
import { base64Of } from '../objects/crc32.ts';
import { headObject, writeMark } from './head.ts';
import { isAnswer } from './refusal.ts';

/** Bytes of an object in the same bucket, up to, not including, `end`. */
export interface CopySource {
  readonly key: string;
  /** That it has to have; absent for an object that nobody else knows. */
  readonly etag?: string;
  readonly start: number;
  readonly end: number;
}

/** The server does not copy ranges of its objects. */
export class CopyUnknown extends Error {}

/** The parts of an object that does not show before it is complete. */
export class MultipartUpload {
  readonly id: string;
  readonly #bucket: Bucket;
  readonly #key: string;
  readonly #mark: string;
  readonly #parts = new Map<number, CompletedPart>();

  private constructor(bucket: Bucket, key: string, id: string, mark: string) {
    this.#bucket = bucket;
    this.#key = key;
    this.id = id;
    this.#mark = mark;
  }

  static async begin(
    bucket: Bucket,
    key: string,
    { signal, temporary }: { readonly signal: AbortSignal; readonly temporary: boolean },
  ): Promise<MultipartUpload> {
    const mark = randomUUID();
    const { UploadId = '' } = await bucket.ask(
      `write ${key} to`,
      (client, abortSignal) =>
        client.send(
          new CreateMultipartUploadCommand({
            Bucket: bucket.name,
            Key: key,
            Metadata: { [writeMark]: mark },
            ...(!temporary && storageClass(bucket)),
            ...(bucket.options.checksums === 'crc32' && {
              ChecksumAlgorithm: 'CRC32',
              ChecksumType: 'FULL_OBJECT',
            }),
          }),
          { abortSignal },
        ),
      { signal },
    );
    return new MultipartUpload(bucket, key, UploadId, mark);
  }

  async put(number: number, bytes: Buffer, signal: AbortSignal): Promise<void> {
    const command = {
      ...this.#target(),
      PartNumber: number,
      ContentLength: bytes.length,
      ...(this.#sums() && { ChecksumCRC32: base64Of(crc32(bytes)) }),
    };
    const { ETag, ChecksumCRC32 } = await this.#bucket.ask(
      `write ${this.#key} to`,
      (client, abortSignal) =>
        sendOver(this.#bucket.options.line, bytes, abortSignal, (Body) =>
          client.send(new UploadPartCommand({ ...command, Body }), { abortSignal }),
        ),
      { signal },
    );
    this.#parts.set(number, { PartNumber: number, ...given({ ETag, ChecksumCRC32 }) });
  }

  /**
   * A part that the server takes from another object, which has to be as its ETag says: all parts but the last have 5 MiB at
   * least, 5 GiB at most.
   */
  async copy(number: number, source: CopySource, signal: AbortSignal): Promise<void> {
    const command = {
      ...this.#target(),
      PartNumber: number,
      CopySource: `${this.#bucket.name}/${encodeURIComponent(source.key).replaceAll('%2F', '/')}`,
      CopySourceRange: `bytes=${source.start}-${source.end - 1}`,
      ...(source.etag !== undefined && { CopySourceIfMatch: source.etag }),
    };
    const { CopyPartResult: { ETag, ChecksumCRC32 } = {} } = await this.#bucket.ask(
      `write ${this.#key} to`,
      (client, abortSignal) => client.send(new UploadPartCopyCommand(command), { abortSignal }),
      { signal, expected: (thrown) => this.#throwCopy(source, thrown) },
    );
    // A server that overlooks what it does not know has made an empty part.
    if (ETag === undefined) throw new CopyUnknown();
    this.#parts.set(number, { PartNumber: number, ...given({ ETag, ChecksumCRC32 }) });
  }

  /**
   * Shows the object, in the place of what was there. The server refuses what does not sum up to `crc32`; undefined: it is not
   * known what it should.
   */
  async complete(options: {
    readonly signal: AbortSignal;
    readonly condition: Condition;
    readonly crc32: number | undefined;
  }): Promise<void> {
    const { signal, condition, crc32: sum } = options;
    const Parts = [...this.#parts.values()].sort((one, other) => numberOf(one) - numberOf(other));
    const command = {
      ...this.#target(),
      MultipartUpload: { Parts },
      ...(this.#sums() && { ChecksumType: 'FULL_OBJECT' as const }),
      ...(this.#sums() && sum !== undefined && { ChecksumCRC32: base64Of(sum) }),
    };
    await this.#bucket.ask(
      `write ${this.#key} to`,
      async (client, abortSignal) => {
        await conditionally(this.#bucket, condition, (held) =>
          client.send(new CompleteMultipartUploadCommand({ ...command, ...held }), { abortSignal }),
        );
      },
      {
        signal,
        expected: (thrown) => unlessMine(this.#bucket, this.#key, { mark: this.#mark, condition }, thrown),
      },
    );
  }

  /** What cannot be given up now is for a sweep. */
  async abandon(): Promise<void> {
    const signal = AbortSignal.timeout(30_000);
    await this.#bucket
      .ask(
        `give up ${this.#key} in`,
        async (client, abortSignal) => {
          await client.send(new AbortMultipartUploadCommand(this.#target()), { abortSignal });
        },
        { signal },
      )
      .catch(() => undefined);
  }

  /** Some servers have an ETag for whole uploads that they do not know again when a part is copied. */
  async #throwCopy({ key, etag }: CopySource, thrown: unknown): Promise<never> {
    if (isAnswer(thrown, 'NotImplemented', '501', '405')) throw new CopyUnknown();
    if (isAnswer(thrown, 'PreconditionFailed', '412')) {
      const there = (await headObject(this.#bucket, key))?.etag;
      if (there !== undefined && there === (etag ?? there)) throw new CopyUnknown();
    }
    throwChange(this.#bucket, key, thrown);
  }

  #sums(): boolean {
    return this.#bucket.options.checksums === 'crc32';
  }

  #target(): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.#bucket.name, Key: this.#key, UploadId: this.id };
  }
}

export function storageClass({ options }: Bucket): { StorageClass?: 'STANDARD' } {
  // The SDK's type lists Amazon's classes; other providers have their own.
  return options.storageClass === undefined ? {} : { StorageClass: options.storageClass as 'STANDARD' };
}

function given(facts: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(facts).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

const numberOf = (part: CompletedPart): number => part.PartNumber ?? 0;
