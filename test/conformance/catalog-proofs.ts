import { describe, expect, it } from 'vitest';
import { complete, refuses, type Given } from './catalog-given.ts';
import { noon } from './catalog-samples.ts';

export function catalogProofs(given: Given): void {
  describe('proofs', () => {
    it('tell when the backups of each schedule were last opened or restored', async () => {
      expect(await given.catalog.proofs()).toEqual([]);
      await complete(given.catalog, 'b1', { createdAt: noon });
      await complete(given.catalog, 'b2', { createdAt: noon + 5 });
      await complete(given.catalog, 'f1', { createdAt: noon + 1, schedule: 'files', type: 'files' });
      const unproven = {
        schedule: 'db-prod',
        since: noon,
        newest: { id: 'b2', goodCopies: 1 },
      };
      const files = { schedule: 'files', since: noon + 1, newest: { id: 'f1', goodCopies: 1 } };
      expect(await given.catalog.proofs()).toEqual([unproven, files]);

      await given.catalog.recordVerification('b1', 'local', { status: 'passed', at: noon + 20 });
      await given.catalog.recordRestore('b2', 'failed', noon + 30);
      expect(await given.catalog.proofs()).toEqual([{ ...unproven, verifiedAt: noon + 20 }, files]);
      await given.catalog.recordRestore('b2', 'completed', noon + 10);
      await given.catalog.recordVerification('b2', 'local', {
        status: 'failed',
        at: noon + 40,
        error: 'cut',
      });
      expect(await given.catalog.proofs()).toEqual([
        {
          ...unproven,
          newest: { id: 'b2', goodCopies: 0 },
          verifiedAt: noon + 20,
          restoredAt: noon + 10,
        },
        files,
      ]);
      await given.catalog.removeCopy('b1', 'local', 'expired', noon + 50);
      await given.catalog.removeCopy('f1', 'local', 'expired', noon + 50);
      expect(await given.catalog.proofs()).toMatchObject([{ schedule: 'db-prod', since: noon + 5 }]);
      await refuses('not_found', () => given.catalog.recordRestore('b9', 'completed', noon));
    });
  });

  it('knows what was pruned of the backups of a key', async () => {
    expect(await given.catalog.prunedOf('key-0000000000aa')).toEqual({ backups: 0, bytes: 0, schedules: [] });
    await complete(given.catalog, 'b1', { createdAt: noon });
    await complete(given.catalog, 'b2', { createdAt: noon + 5 });
    await complete(given.catalog, 'f1', { createdAt: noon + 9, schedule: 'files', type: 'files' });
    await complete(given.catalog, 'x1', { createdAt: noon + 9, keyId: 'key-0000000000bb' });
    for (const id of ['b1', 'f1', 'x1']) await given.catalog.removeCopy(id, 'local', 'expired', noon + 50);
    expect(await given.catalog.prunedOf('key-0000000000aa')).toEqual({
      backups: 2,
      bytes: 2 * 7144,
      from: noon,
      until: noon + 9,
      schedules: ['db-prod', 'files'],
    });
  });
}
