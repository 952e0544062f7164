import { LowtideError } from '../errors/lowtide-error.ts';
import type { Store } from '../store/store.ts';
import { configCopyPrefix, isConfigCopyName, openConfigCopy, type ConfigCopy } from './config-copy.ts';

/** A copy has some kilobytes; what is larger is none. */
const largestCopy = 16 * 1024 * 1024;

/**
 * The newest copy of a config in a store that the identity opens. Throws `not_found` where there is none, `no_identity_match`
 * where none is sealed to it, and what the store throws.
 */
export async function findConfigCopy(
  store: Store,
  identity: string,
  signal: AbortSignal,
): Promise<ConfigCopy> {
  const objects = (await Array.fromAsync(store.list(configCopyPrefix))).filter(
    ({ name, sizeBytes }) => isConfigCopyName(name) && sizeBytes <= largestCopy,
  );
  let refusal: LowtideError | undefined;
  for (const { name } of objects.toSorted((a, b) => (a.name < b.name ? 1 : -1))) {
    try {
      const bytes = Buffer.concat(await Array.fromAsync(store.get(name, { signal })));
      return await openConfigCopy(bytes, identity, store.locate(name));
    } catch (thrown) {
      signal.throwIfAborted();
      // One that was spoilt, or is sealed to another key, says nothing about those before it.
      refusal ??= LowtideError.from(thrown);
    }
  }
  if (refusal !== undefined) throw refusal;
  throw new LowtideError('not_found', `there is no copy of a config in ${store.locate(configCopyPrefix)}`, {
    hint: 'Is it the folder, or the bucket and prefix, that the backups were written to? Without a copy: write lowtide.yaml by hand, import the key, and run lowtide catalog rebuild.',
  });
}
