import { LowtideError } from '../errors/lowtide-error.ts';
import type { SqlValue } from './postgres.ts';

/** Object ids of PostgreSQL's types: `SELECT oid, typname FROM pg_type`. They never change. */
const oid = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  float4: 700,
  float8: 701,
  numeric: 1700,
};

/** How a column's text becomes a value of `Row`. */
export function parserOf(type: number): (text: string) => string | number | Uint8Array {
  switch (type) {
    case oid.bool:
      return (text) => (text === 't' ? 1 : 0);
    case oid.bytea:
      return (text) => Buffer.from(text.slice(2), 'hex');
    case oid.int8:
    case oid.numeric:
      return exactNumber;
    case oid.int2:
    case oid.int4:
    case oid.oid:
    case oid.float4:
    case oid.float8:
      return Number;
    default:
      return (text) => text;
  }
}

/** Fractions are as exact as a float can be; whole numbers are exact, or refused. */
function exactNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) || !Number.isInteger(number)) return number;
  throw new LowtideError('state_invalid', `the state holds a number that is too great: ${text}`);
}

/** How a value is given to the driver: pg writes all but bytes as text. */
export function written(value: SqlValue): string | Buffer | null {
  if (value === null) return null;
  return value instanceof Uint8Array ? Buffer.from(value) : storableText(String(value));
}

/** A text of PostgreSQL has no NUL, which the output of programs may have: U+FFFD stands in its place. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
