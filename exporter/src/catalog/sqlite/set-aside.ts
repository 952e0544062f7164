import { existsSync, renameSync } from 'node:fs';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { toRfc3339, type EpochMs } from '../../units/instant.ts';
import { hasLiveOwner } from '../ownership.ts';
import { databasePath, whileOpening } from './database.ts';
import { stateRefusal } from './refusal.ts';

/**
 * Moves a catalog that cannot be opened out of the way, so that a new one can be rebuilt from the stores; what is left
 * of it stays for a person to look at. Returns its new path, or undefined where there is no catalog. Throws
 * `state_busy` while a process has it open.
 */
export function setAsideCatalog(folder: string, now: EpochMs): string | undefined {
  const path = databasePath(folder);
  try {
    return whileOpening(folder, () => {
      if (!existsSync(path)) return undefined;
      if (hasLiveOwner(folder)) {
        throw new LowtideError('state_busy', `${path} is in use by another process`, {
          hint: 'Stop `lowtide serve` and other lowtide commands on this state folder first.',
        });
      }
      const aside = `${path}.damaged-${toRfc3339(now).replaceAll(/[-:.]/g, '')}`;
      // The log goes with its database: it may hold the only copy of the newest rows.
      for (const part of ['-wal', '-shm']) {
        if (existsSync(path + part)) renameSync(path + part, aside + part);
      }
      renameSync(path, aside);
      return aside;
    });
  } catch (error) {
    throw stateRefusal(error, path);
  }
}
