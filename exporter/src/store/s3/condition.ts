import { LowtideError } from '../../errors/lowtide-error.ts';
import { ObjectChanged } from '../objects/changed.ts';
import type { Bucket } from './bucket.ts';
import { headObject } from './head.ts';
import { isAnswer } from './refusal.ts';

/** What must be there, or not, for a write to take place. */
export interface Condition {
  readonly IfNoneMatch?: '*';
  /** The ETag of the object that is to be replaced. */
  readonly IfMatch?: string;
}

/** Sends it under the condition where the server knows such a thing, and without where it says that it does not. */
export async function conditionally<T>(
  bucket: Bucket,
  condition: Condition,
  send: (condition: Condition) => Promise<T>,
): Promise<T> {
  if (!bucket.knowsConditions || (condition.IfMatch !== undefined && !bucket.knowsEtags))
    return await send({});
  try {
    return await send(condition);
  } catch (thrown) {
    if (!isAnswer(thrown, 'NotImplemented', '501') || Object.keys(condition).length === 0) throw thrown;
    const answer = await send({});
    bucket.knowsConditions = false;
    return answer;
  }
}

/**
 * An answer that was lost makes the second try find the work of the first: the name is taken, or the upload is over. The mark
 * on the object tells whose it is. Throws what was thrown, where it is another's.
 */
export async function unlessMine(
  bucket: Bucket,
  key: string,
  { mark, condition }: { readonly mark: string; readonly condition: Condition },
  thrown: unknown,
): Promise<void> {
  if (!isAnswer(thrown, 'PreconditionFailed', '412', 'NoSuchUpload', 'NoSuchKey')) throw thrown;
  const head = await headObject(bucket, key);
  if (head?.mark === mark) return;
  if (condition.IfMatch !== undefined && head?.etag !== condition.IfMatch) throw changed(bucket, key, head);
  if (isAnswer(thrown, 'PreconditionFailed', '412') && condition.IfMatch !== undefined) {
    // It is the object that was meant. Swift compares the ETag of a whole upload with another one that it keeps.
    bucket.knowsEtags = false;
    throw new LowtideError('store_unavailable', `${bucket.where} does not know its own ETags again`, {
      retryable: true,
    });
  }
  if (isAnswer(thrown, 'PreconditionFailed', '412') && head !== undefined) {
    throw new LowtideError('store_exists', `${bucket.where} already has ${bucket.nameOf(key)}`);
  }
  throw thrown;
}

/** For what is copied from: throws `ObjectChanged`, or what was thrown. */
export function throwChange(bucket: Bucket, key: string, thrown: unknown): never {
  if (isAnswer(thrown, 'PreconditionFailed', '412')) throw changed(bucket, key, {});
  if (isAnswer(thrown, 'NoSuchKey')) throw changed(bucket, key, undefined);
  throw thrown;
}

function changed(bucket: Bucket, key: string, found: object | undefined): ObjectChanged {
  const name = bucket.nameOf(key);
  return found === undefined
    ? new ObjectChanged('missing', `${bucket.where} has no ${name} any more`)
    : new ObjectChanged('changed', `${name} in ${bucket.where} was replaced by somebody else`);
}
