import { describe, expect, it } from 'vitest';
import { azureRefusal } from '../azure/refusal.ts';
import { ObjectResealing, type FoundObject, type ObjectPlace } from './resealing.ts';

/** Objects with these locks, on a server that has to be asked for each. */
function placeOf(locks: Readonly<Record<string, FoundObject['locked']>>, mayBeProtected = true) {
  const asked: string[] = [];
  const place: Pick<ObjectPlace<FoundObject>, 'find' | 'mayBeProtected'> = {
    mayBeProtected: () => Promise.resolve(mayBeProtected),
    find(name) {
      asked.push(name);
      if (!(name in locks)) return Promise.resolve(undefined);
      return Promise.resolve({ etag: '', sizeBytes: 1, locked: locks[name], archived: 'GLACIER' });
    },
  };
  return { asked, resealing: new ObjectResealing(place as ObjectPlace<FoundObject>) };
}

describe('what keeps an object from being deleted', () => {
  it('is the lock of the first that has one, and never that it is archived, or gone', async () => {
    const hold = { by: 'a legal hold' };
    const { resealing } = placeOf({ free: undefined, held: hold });
    expect(await resealing.lockOn(['gone', 'free', 'held'])).toEqual(hold);
    expect(await resealing.lockOn(['gone', 'free'])).toBeUndefined();
  });

  it('is not asked for where nothing can be locked', async () => {
    const { asked, resealing } = placeOf({ held: { by: 'a legal hold' } }, false);
    expect(await resealing.lockOn(['held'])).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is not a policy of a container, which may be over for this blob: Azure says so when it refuses', async () => {
    const { resealing } = placeOf({ kept: { by: 'a policy of the container', mayBeOver: true } });
    expect(await resealing.lockOn(['kept'])).toBeUndefined();
    const said = Object.assign(new Error('This operation is not permitted as the blob is immutable'), {
      code: 'BlobImmutableDueToPolicy',
      statusCode: 409,
    });
    expect(azureRefusal(said, 'delete kept from store blob')).toMatchObject({
      code: 'store_locked',
      facts: { errorType: 'store' },
      retryable: false,
    });
  });
});
