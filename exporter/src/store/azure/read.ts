import type { Readable } from 'node:stream';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { readResumed, type Opened, type Range } from '../objects/read.ts';
import type { Container } from './container.ts';
import { sumIn, sweptType } from './find.ts';
import { isAnswer } from './refusal.ts';

export function readBlob(
  container: Container,
  name: string,
  range: Range,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reading = {
    open: (from: Range, etag: string | undefined) => openAt(container, name, from, etag, signal),
    refusal: (thrown: unknown) => container.refusal(thrown, `read ${name} from`),
    damaged: () =>
      new LowtideError(
        'store_damaged',
        `${name} in ${container.where} came with other bytes than its checksum is of: damaged on the way, or in the store`,
      ),
    retry: container.options.retry,
    line: container.options.line,
  };
  return readResumed(reading, range, signal);
}

async function openAt(
  container: Container,
  name: string,
  { start, end }: Range,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Opened | undefined> {
  return await container.ask<Opened | undefined>(
    `read ${name} from`,
    async (abortSignal) => {
      const length = end === undefined ? undefined : end - start;
      const answer = await container.blob(name).download(start, length, {
        abortSignal,
        ...(etag !== undefined && { conditions: { ifMatch: etag } }),
        // A connection that breaks is taken up by readResumed.
        maxRetryRequests: 0,
      });
      if (answer.contentType === sweptType) throw missing(container, name);
      const whole = start === 0 && end === undefined;
      return {
        body: answer.readableStreamBody as Readable,
        etag: answer.etag,
        crc32: whole ? sumIn(answer.metadata) : undefined,
      };
    },
    {
      signal,
      expected(thrown) {
        if (isAnswer(thrown, 'InvalidRange', '416')) return undefined;
        if (isAnswer(thrown, 'BlobNotFound')) throw missing(container, name);
        if (!isAnswer(thrown, 'ConditionNotMet', '412')) throw thrown;
        throw new LowtideError(
          'store_unavailable',
          `${name} in ${container.where} was replaced while it was read`,
        );
      },
    },
  );
}

export function missing({ where }: Container, name: string): LowtideError {
  return new LowtideError('store_missing_object', `${where} has no object ${name}`);
}
