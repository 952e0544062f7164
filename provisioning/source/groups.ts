import { exporter } from './exporter.ts';
import { keys } from './keys.ts';
import { proofs } from './proofs.ts';
import type { AlertGroup } from './rules.ts';
import { schedules } from './schedules.ts';
import { storage } from './storage.ts';

/** In the order in which they matter to who is woken. */
export const alertGroups: readonly AlertGroup[] = [schedules, proofs, storage, keys, exporter];
