import type { KeepConfig, KeepRules } from './schema.ts';

/**
 * The rules by which a schedule's backups stay in this store: those of its own under `keep.stores`, in the place of the general
 * ones; undefined where nothing is said, so that all stay there.
 */
export function keepIn(keep: KeepConfig | undefined, store: string): KeepRules | undefined {
  const { stores = {}, ...general } = keep ?? {};
  const rules = Object.hasOwn(stores, store) ? stores[store] : general;
  return rules !== undefined && Object.values(rules).some((count) => count !== undefined) ? rules : undefined;
}
