import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Postgres, Row, Transaction } from '../../postgres/postgres.ts';
import { isOwnerAlive } from '../ownership.ts';
import { homeOf } from './home.ts';
import { schemaOf } from './schema-name.ts';

/** An owner elsewhere that has not been seen for so long, by the clock of the server, is gone. */
const goneAfterSeconds = 60;

interface KnownOwner {
  readonly id: string;
  readonly home: string;
  readonly isSeen: boolean;
}

const known = `SELECT id, home, seen_at > clock_timestamp() - interval '${goneAfterSeconds} seconds' AS seen FROM owners`;

export async function ownerOf(transaction: Transaction, id: string): Promise<KnownOwner | undefined> {
  const row = await transaction.get(`${known} WHERE id = ?`, id);
  return row && toOwner(row);
}

/** Whether anybody has the state open, as seen from a host whose home is `folder` and who has not opened it. */
export async function hasLiveOwner(transaction: Transaction, folder: string): Promise<boolean> {
  const mine = nameOf(folder);
  const owners = (await transaction.all(known)).map(toOwner);
  return owners.some(({ id, home, isSeen }) => (home === mine ? isOwnerAlive(folder, id) : isSeen));
}

/** Who has taken the place of an instance is its only home: what others have begun there counts as cut off. */
export async function evictOthers(postgres: Postgres, instance: string, folder: string): Promise<void> {
  const schema = schemaOf(instance);
  await postgres.write(
    (transaction) => transaction.run('DELETE FROM owners WHERE home <> ?', homeOf(folder)),
    { schema, lock: lockOf(schema), idempotent: true },
  );
}

/** Held by whoever writes, opens, or moves. */
export function lockOf(schema: string): string {
  return `lowtide state ${schema}`;
}

function toOwner(row: Row): KnownOwner {
  return { id: String(row['id']), home: String(row['home']), isSeen: row['seen'] === 1 };
}

/** As it was given to the folder by whoever has opened a state from there; looking gives it none. */
function nameOf(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'home'), 'utf8');
  } catch {
    return undefined;
  }
}
