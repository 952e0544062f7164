import type { BlobGetPropertiesResponse } from '@azure/storage-blob';
import { toRfc3339, type EpochMs } from '../../units/instant.ts';
import type { ObjectLock } from '../store.ts';
import type { FoundObject } from '../objects/resealing.ts';
import type { Container } from './container.ts';
import { isAnswer } from './refusal.ts';

/** Metadata that tells which write a blob comes from. */
export const writeMark = 'lowtide_write';
/** Metadata with the CRC-32 of the whole blob: the server keeps none that survives a new block list. */
export const sumMark = 'lowtide_crc32';
/** The type of what a sweep makes of blocks that nobody has committed, for as long as it takes to delete that. */
export const sweptType = 'application/x-lowtide-swept';

export interface FoundBlob extends FoundObject {
  readonly modifiedAt: EpochMs;
  readonly crc32: number | undefined;
  readonly mark: string | undefined;
  readonly tier: string | undefined;
  readonly versionId: string | undefined;
}

/** Undefined where there is no such blob. */
export async function findBlob(container: Container, name: string): Promise<FoundBlob | undefined> {
  return await container.ask<FoundBlob | undefined>(
    `look for ${name} in`,
    async (abortSignal) => {
      const answer = await container.blob(name).getProperties({ abortSignal });
      return answer.contentType === sweptType ? undefined : foundOf(answer, container.options.now());
    },
    {
      expected(thrown) {
        if (isAnswer(thrown, 'BlobNotFound')) return undefined;
        throw thrown;
      },
    },
  );
}

function foundOf(answer: BlobGetPropertiesResponse, now: EpochMs): FoundBlob {
  const { metadata = {}, accessTier, accessTierInferred } = answer;
  return {
    etag: answer.etag ?? '',
    sizeBytes: answer.contentLength ?? 0,
    modifiedAt: answer.lastModified?.getTime() ?? 0,
    locked: lockOf(answer, now),
    archived: accessTier === 'Archive' ? accessTier : undefined,
    crc32: sumIn(metadata),
    mark: metadata[writeMark],
    tier: accessTierInferred === true ? undefined : accessTier,
    versionId: answer.versionId,
  };
}

export function sumIn(metadata: Readonly<Record<string, string>> | undefined): number | undefined {
  const text = metadata?.[sumMark];
  return text !== undefined && /^[0-9a-f]{8}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}

function lockOf(answer: BlobGetPropertiesResponse, now: EpochMs): ObjectLock | undefined {
  if (answer.legalHold === true) return { by: 'a legal hold' };
  const until = answer.immutabilityPolicyExpiresOn?.getTime();
  return until !== undefined && until > now
    ? { by: `a policy of immutability until ${toRfc3339(until)}`, until }
    : undefined;
}
