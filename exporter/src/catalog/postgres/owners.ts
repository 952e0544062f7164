import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transaction } from '../../postgres/postgres.ts';
import { isOwnerAlive } from '../ownership.ts';

/** An owner elsewhere that has not been seen for so long, by the clock of the server, is gone. */
export const goneAfterSeconds = 60;

/** Whether anybody has the state open, as seen from a host whose home is `folder` and who has not opened it. */
export async function hasLiveOwner(transaction: Transaction, folder: string): Promise<boolean> {
  const home = nameOf(folder);
  const owners = await transaction.all(
    'SELECT id, home, seen_at > clock_timestamp() - make_interval(secs => ?) AS seen FROM owners',
    goneAfterSeconds,
  );
  return owners.some(({ id, home: theirs, seen }) =>
    theirs === home ? isOwnerAlive(folder, String(id)) : seen === 1,
  );
}

/** As it was given to the folder by whoever has opened a state from there; looking gives it none. */
function nameOf(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'home'), 'utf8');
  } catch {
    return undefined;
  }
}
