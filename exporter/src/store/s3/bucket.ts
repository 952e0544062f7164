import { S3Client } from '@aws-sdk/client-s3';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { ask, type AskOptions } from '../objects/ask.ts';
import type { S3Options } from './options.ts';
import { isAnswer, s3Refusal } from './refusal.ts';

/** A bucket, and how it is spoken to: with retries, and with the store's own refusals. */
export class Bucket {
  readonly name: string;
  readonly options: S3Options;
  /** Whether a write can be made to depend on what is there: until the server says that it cannot. */
  knowsConditions = true;
  /** Whether it finds the ETag that it gives an object to be that object's: until it turns out that it does not. */
  knowsEtags = true;
  /** Whether it puts objects together from ranges of others: until it turns out that it does not. */
  copiesRanges = true;
  #client: S3Client;

  constructor(options: S3Options) {
    this.name = options.bucket;
    this.options = options;
    this.#client = connect(options);
  }

  get where(): string {
    const { id, prefix } = this.options;
    return `store ${id} (s3://${this.name}${prefix === '' ? '' : `/${prefix}`})`;
  }

  keyOf(name: string): string {
    const { prefix } = this.options;
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  nameOf(key: string): string {
    const { prefix } = this.options;
    return prefix === '' ? key : key.slice(prefix.length + 1);
  }

  /**
   * Sends a request, again where that can help; `action` is `write a/b to`. What `expected` makes something of is no refusal.
   */
  async ask<T>(
    action: string,
    send: (client: S3Client, signal: AbortSignal) => Promise<T>,
    options: AskOptions<T> = {},
  ): Promise<T> {
    return await ask({
      ...options,
      retry: this.options.retry,
      send: (signal) => send(this.#client, signal),
      refusal: (thrown) => this.refusal(thrown, action),
    });
  }

  refusal(thrown: unknown, action: string): unknown {
    const refused = s3Refusal(thrown, `${action} ${this.where}`);
    if (!isAnswer(thrown, 'ExpiredToken') || this.options.credentials !== undefined) return refused;
    // Somebody may have written new ones to where the chain looks.
    this.#client = connect(this.options);
    const { code, message, hint } = refused as LowtideError;
    return new LowtideError(code, message, { ...(hint !== undefined && { hint }), retryable: true });
  }
}

function connect(options: S3Options): S3Client {
  const { endpoint, region, pathStyle, credentials } = options;
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint !== undefined && { endpoint }),
    // The SDK would read ~/.aws once in the life of the process, and never see the keys that were renewed there.
    credentials: credentials ?? defaultProvider({ ignoreCache: true }),
    // One wrapper retries: retrying.ts.
    maxAttempts: 1,
    // Checksums of whole objects are ours (upload.ts), since the SDK knows each request alone.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000, httpsAgent: { maxSockets: 50 } },
    // It would warn on standard error about what we do not use.
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
}

function quiet(): undefined {
  return undefined;
}
