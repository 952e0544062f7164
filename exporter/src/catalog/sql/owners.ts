import type { Row, Transaction } from './transaction.ts';

/** Those whose owner is gone, and those of this owner that it does not work on (`isMine` says that it does). */
export async function orphansAmong(
  tx: Transaction,
  rows: readonly Row[],
  isMine: (row: Row) => boolean,
): Promise<readonly Row[]> {
  const orphans: Row[] = [];
  for (const row of rows) {
    const owner = String(row['owner']);
    const isOrphan = owner === tx.owner.id ? !isMine(row) : !(await tx.owner.isAlive(owner));
    if (isOrphan) orphans.push(row);
  }
  return orphans;
}
