import { LowtideError } from '../../errors/lowtide-error.ts';
import type { StateDatabase } from '../sql/transaction.ts';
import { carryOut } from './carried.ts';
import type { Entry, Journal } from './journal.ts';

/** In one transaction: a run with its log is some twenty. */
const mostAtOnce = 50;

/**
 * Brings what was noted to the catalog, in order, each entry once. What arrives says in the same transaction which entry was the
 * last: one that was committed without the answer having been heard, or before the process was killed, is recognised by that.
 *
 * Throws what keeps the state from being written, as long as it does. An entry that can never arrive is set aside, and `onRefused`
 * hears of it. Asks the state at least once, so that it is known to be there.
 */
export async function deliver(
  journal: Journal,
  database: StateDatabase,
  onRefused: (entry: Entry, error: LowtideError) => void,
): Promise<void> {
  let limit = mostAtOnce;
  for (;;) {
    const entries = journal.next(limit);
    try {
      await database.write(async (tx) => {
        const last = await tx.get('SELECT entry FROM deliveries WHERE journal = ?', journal.id);
        const arrived = entries.findIndex(({ id }) => id === last?.['entry']);
        const news = entries.slice(arrived + 1);
        for (const { carried, isUnsure } of news) await carryOut(tx, carried, isUnsure);
        const newest = news.at(-1);
        if (newest === undefined) return;
        await tx.run(
          `INSERT INTO deliveries (journal, entry) VALUES (?, ?)
           ON CONFLICT (journal) DO UPDATE SET entry = excluded.entry`,
          journal.id,
          newest.id,
        );
      });
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      const [first, second] = entries;
      if (first === undefined || isOfTheState(error)) throw error;
      // Which of them it is shows when each goes alone.
      limit = 1;
      if (second !== undefined) continue;
      journal.setAside(first, error.message);
      onRefused(first, error);
      limit = mostAtOnce;
      continue;
    }
    journal.remove(entries);
    if (entries.length < limit) return;
  }
}

/** About the state as a whole, not about what is written. */
function isOfTheState({ code }: LowtideError): boolean {
  return (
    code.startsWith('state_') || code === 'lease_lost' || code === 'instance_taken' || code === 'stopping'
  );
}
