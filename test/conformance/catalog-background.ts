import { describe, expect, it } from 'vitest';
import type { BackgroundEnd } from '../../exporter/src/catalog/background.ts';
import { complete, refuses, type Given } from './catalog-given.ts';
import { noon } from './catalog-samples.ts';

const verification = { id: 'v1', kind: 'verification', backupId: 'b1', startedAt: noon } as const;
const end: BackgroundEnd = {
  status: 'failed',
  finishedAt: noon + 5,
  error: { code: 'verification_failed', message: 'chunk 3 does not open', hint: 'Use another copy.' },
  warnings: ['the dump was not looked at'],
  copies: [
    { store: 'local', status: 'failed', error: { code: 'verification_failed', message: 'x' }, warnings: [] },
    { store: 'offsite', status: 'unable', warnings: [] },
  ],
};

export function catalogBackground(given: Given): void {
  describe('verifications and restores in the background', () => {
    it('are kept from their beginning to their end, also for other owners', async () => {
      await complete(given.catalog, 'b1');
      const { background } = given.catalog;
      expect(await background.start(verification)).toEqual({
        ...verification,
        status: 'running',
        warnings: [],
      });
      const restore = { ...verification, id: 'o1', kind: 'restore', target: 'scratch' } as const;
      await background.start(restore);
      expect(await background.finish('v1', end)).toEqual({ ...verification, ...end });
      const restored = { status: 'completed', finishedAt: noon + 9, warnings: [], store: 'local' } as const;
      await background.finish('o1', restored);
      await using other = await given.open();
      expect(await other.background.run('v1')).toEqual({ ...verification, ...end });
      expect(await other.background.run('o1')).toEqual({ ...restore, ...restored });
      expect(await other.background.run('b1')).toBeUndefined();
    });

    it('end once, and are those of a backup', async () => {
      await complete(given.catalog, 'b1');
      const { background } = given.catalog;
      await background.start(verification);
      await background.finish('v1', end);
      await refuses('run_ended', () => background.finish('v1', end));
      await refuses('not_found', () => background.finish('v2', end));
      await refuses('not_found', () => background.start({ ...verification, id: 'v2', backupId: 'none' }));
    });

    it('are interrupted where nobody works on them any more, and only there', async () => {
      await complete(given.catalog, 'b1');
      const gone = await given.open();
      await gone.background.start({ ...verification, id: 'of-the-dead' });
      await using alive = await given.open();
      await alive.background.start({ ...verification, id: 'of-another' });
      const { background } = given.catalog;
      for (const id of ['mine', 'lost']) await background.start({ ...verification, id });
      await gone[Symbol.asyncDispose]();
      const interrupted = await background.interruptOrphans(new Set(['mine']), noon + 7);
      expect(interrupted.map(({ id }) => id)).toEqual(['of-the-dead', 'lost']);
      expect(await background.run('of-the-dead')).toMatchObject({
        status: 'interrupted',
        finishedAt: noon + 7,
        error: { code: 'interrupted' },
      });
      for (const id of ['mine', 'of-another']) expect((await background.run(id))?.status).toBe('running');
      expect(await background.interruptOrphans(new Set(['mine']), noon + 8)).toEqual([]);
    });
  });
}
