import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from './keystore.ts';
import { counted } from '../units/count.ts';

/**
 * What keeps backups from being opened, beside what the folder of the keystore shows: sentences, empty when all is well. New
 * backups would go on being made with a wrong passphrase, and nobody could open them; and a keystore that was lost and begun
 * anew looks whole. `needed`: how many backups each key is needed for.
 */
export async function usabilityFindings(
  keystore: Keystore,
  needed: Readonly<Record<string, number>>,
): Promise<readonly string[]> {
  try {
    const keys = await keystore.list();
    const known = new Set(keys.filter(({ state }) => state !== 'destroyed').map(({ id }) => id));
    const lost = Object.entries(needed).filter(([id, backups]) => backups > 0 && !known.has(id));
    const findings = lost.map(
      ([id, backups]) =>
        `${counted(backups, 'backup needs', 'backups need')} ${id}, which is not in the keystore: bring back a copy of the keystore, or import the recovery file of that key`,
    );
    const active = keys.find(({ state }) => state === 'active');
    if (active !== undefined) await keystore.identity(active.id);
    return findings;
  } catch (thrown) {
    const { message, hint } = LowtideError.from(thrown);
    return [hint === undefined ? message : `${message}: ${hint}`];
  }
}
