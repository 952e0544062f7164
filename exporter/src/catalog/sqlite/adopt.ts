import { LowtideError } from '../../errors/lowtide-error.ts';
import { fromRfc3339 } from '../../units/instant.ts';
import type { FoundBackup } from '../catalog.ts';
import { fileBackup, fileCopy } from './backups.ts';
import type { StateDatabase } from './database.ts';
import { setSealing } from './sealings.ts';
import { raiseLastSuccess } from './schedules.ts';

/** Files what was found, within a transaction; a backup that is refused has changed nothing. */
export function adopt(database: StateDatabase, { manifest, copy }: FoundBackup): LowtideError | undefined {
  try {
    fileBackup(database, manifest);
  } catch (thrown) {
    if (thrown instanceof LowtideError && thrown.code === 'manifest_invalid') return thrown;
    throw thrown;
  }
  fileCopy(database, manifest.id, copy);
  setSealing(database, manifest.id, copy.store, manifest);
  raiseLastSuccess(database, manifest.schedule, fromRfc3339(manifest.createdAt));
  return undefined;
}
