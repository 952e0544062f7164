import type { SqlValue } from './transaction.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';

/** SQLite takes a negative limit for none at all: here it is a mistake. */
export function listLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new LowtideError('usage', `a list's limit is a whole number from 0, not ${limit}`);
}

export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** `WHERE a = ? AND b < ?` with its values; nothing where there is no condition. */
export function where(conditions: readonly (Condition | undefined)[]): Condition {
  const given = conditions.filter((condition) => condition !== undefined);
  return {
    sql: given.length === 0 ? '' : `WHERE ${given.map((condition) => condition.sql).join(' AND ')}`,
    values: given.flatMap((condition) => condition.values),
  };
}

/** `column = ?`, or no condition where the value is absent. */
export function equals(column: string, value: string | undefined): Condition | undefined {
  return value === undefined ? undefined : { sql: `${column} = ?`, values: [value] };
}
