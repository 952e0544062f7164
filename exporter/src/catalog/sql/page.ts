import type { SqlValue } from './transaction.ts';
import type { Place } from '../catalog.ts';
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
export function equals(column: string, value: string | number | undefined): Condition | undefined {
  return value === undefined ? undefined : { sql: `${column} = ?`, values: [value] };
}

/** What is listed in the order in which it was begun, or by time where a place is given; and what comes behind that. */
export function begunOrder(
  number: number | undefined,
  place: Place | undefined,
): { readonly condition: Condition | undefined; readonly by: string } {
  if (place !== undefined) {
    return {
      condition: { sql: '(started_at, id) < (?, ?)', values: [place.at, place.id] },
      by: 'started_at DESC, id DESC',
    };
  }
  const condition = number === undefined ? undefined : { sql: 'number < ?', values: [number] };
  return { condition, by: 'number DESC' };
}
