import type { Migration } from '../../../postgres/migrate.ts';
import { initial } from './0001-initial.ts';

/** In order: the first leads to version 1. */
export const migrations: readonly Migration[] = [{ sql: initial, readableFrom: 1 }];
