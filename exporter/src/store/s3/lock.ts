import { GetObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';
import { isAnswer } from './refusal.ts';

/** Classes whose objects have to be fetched before they can be read. */
const archives = ['GLACIER', 'DEEP_ARCHIVE', 'INTELLIGENT_TIERING'];

/** Whether objects of the bucket may be protected, or out of reach: then each has to be looked at. */
export async function mayBeLocked(bucket: Bucket): Promise<boolean> {
  if (archives.includes(bucket.options.storageClass ?? '')) return true;
  return await bucket.ask(
    'ask for the locks of',
    async (client, abortSignal) => {
      const command = new GetObjectLockConfigurationCommand({ Bucket: bucket.name });
      const { ObjectLockConfiguration: locks } = await client.send(command, { abortSignal });
      return locks?.ObjectLockEnabled === 'Enabled';
    },
    {
      expected(thrown) {
        // Whoever may not ask has to look.
        if (isAnswer(thrown, 'AccessDenied', '403')) return true;
        if (isAnswer(thrown, 'ObjectLockConfigurationNotFoundError', 'NotImplemented', '404', '405', '501')) {
          return false;
        }
        throw thrown;
      },
    },
  );
}
