import type { Migration } from '../../../postgres/migrate.ts';
import { initial } from './0001-initial.ts';
import { deliveries } from './0002-deliveries.ts';

/** In order: the first leads to version 1. */
export const migrations: readonly Migration[] = [
  { sql: initial, readableFrom: 1 },
  { sql: deliveries, readableFrom: 1 },
];
