import type { Manifest } from '../../store/manifest.ts';
import type { Transaction } from './transaction.ts';

/**
 * How each copy is sealed. The row in `backups` holds the sealing of at least one copy that is there, if any is; a copy that
 * is sealed otherwise has its own manifest. Everything here is inside a transaction.
 */

/** Files how the copy in a store is sealed, if there is one. */
export async function setSealing(
  tx: Transaction,
  backupId: string,
  store: string,
  manifest: Manifest,
): Promise<void> {
  await tx.run(
    `UPDATE copies SET manifest = ?, key_id = ?
     WHERE backup_id = ? AND store = ? AND status IN ('good', 'damaged')`,
    JSON.stringify(manifest),
    manifest.keyId,
    backupId,
    store,
  );
  await shareSealing(tx, backupId);
}

/** To be called whenever a copy was sealed anew, came, or went. */
export async function shareSealing(tx: Transaction, backupId: string): Promise<void> {
  const copies = await tx.all(
    `SELECT number, manifest FROM copies
     WHERE backup_id = ? AND status IN ('good', 'damaged') ORDER BY number`,
    backupId,
  );
  if (copies.every((copy) => copy['manifest'] === null)) return;
  const common = copies.some((copy) => copy['manifest'] === null)
    ? String((await tx.get('SELECT manifest FROM backups WHERE id = ?', backupId))?.['manifest'])
    : await adopt(tx, backupId, String(copies[0]?.['manifest']));
  const sealing = sealingOf(common);
  for (const { number, manifest } of copies) {
    if (typeof manifest !== 'string' || sealingOf(manifest) !== sealing) continue;
    await tx.run('UPDATE copies SET manifest = NULL, key_id = NULL WHERE number = ?', number ?? null);
  }
}

/** Whether there is a good copy in the store that is sealed so, and no rotation is about to change that. */
export async function isSealedAs(
  tx: Transaction,
  backupId: string,
  store: string,
  manifest: Manifest,
): Promise<boolean> {
  const copy = await tx.get(
    `SELECT coalesce(copies.manifest, backups.manifest) AS manifest
     FROM copies JOIN backups ON backups.id = copies.backup_id
     WHERE backup_id = ? AND store = ? AND copies.status = 'good' AND next_manifest IS NULL`,
    backupId,
    store,
  );
  return copy !== undefined && sealingOf(String(copy['manifest'])) === sealingOf(JSON.stringify(manifest));
}

async function adopt(tx: Transaction, backupId: string, manifest: string): Promise<string> {
  const { keyId, parts } = JSON.parse(manifest) as Manifest;
  await tx.run(
    'UPDATE backups SET stored_bytes = ?, key_id = ?, manifest = ? WHERE id = ?',
    storedBytesOf(parts),
    keyId,
    manifest,
    backupId,
  );
  return manifest;
}

export function storedBytesOf(parts: Manifest['parts']): number {
  return parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, 0);
}

/** All that a sealing decides; what else is in a manifest is the same for every copy. */
function sealingOf(manifest: string): string {
  const { keyId, recipients, parts } = JSON.parse(manifest) as Manifest;
  return JSON.stringify([
    keyId,
    recipients,
    parts.map((part) => [
      part.name,
      part.headerBytes,
      part.headerSha256,
      part.payloadBytes,
      part.payloadSha256,
    ]),
  ]);
}
