import { LowtideError } from '../../errors/lowtide-error.ts';
import { fromRfc3339 } from '../../units/instant.ts';
import type { FoundBackup } from '../catalog.ts';
import { fileBackup, fileCopy } from './backups.ts';
import type { Transaction } from './transaction.ts';
import { setSealing } from './sealings.ts';
import { raiseLastSuccess } from './schedules.ts';

/** Files what was found, within a transaction; a backup that is refused has changed nothing. */
export async function adopt(
  tx: Transaction,
  { manifest, copy }: FoundBackup,
): Promise<LowtideError | undefined> {
  try {
    await fileBackup(tx, manifest);
  } catch (thrown) {
    if (thrown instanceof LowtideError && thrown.code === 'manifest_invalid') return thrown;
    throw thrown;
  }
  await fileCopy(tx, manifest.id, copy);
  await setSealing(tx, manifest.id, copy.store, manifest);
  await raiseLastSuccess(tx, manifest.schedule, fromRfc3339(manifest.createdAt));
  return undefined;
}
