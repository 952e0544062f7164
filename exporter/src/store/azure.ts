import { containerCost } from './azure/cost.ts';
import type { AzureOptions } from './azure/options.ts';
import { RemoteStore } from './objects/store.ts';

/**
 * Block blobs in a container of Azure; a blob's name is the prefix and the object's. An unfinished write is a set of blocks that
 * nobody has committed.
 */
export class AzureStore extends RemoteStore {
  constructor(options: AzureOptions) {
    const { id, provider, container, prefix } = options;
    super({
      id,
      type: 'azure',
      provider,
      base: `azure://${container}${prefix === '' ? '' : `/${prefix}`}`,
      cost: containerCost,
      async open() {
        const { openContainer } = await import('./azure/container-objects.ts');
        return await openContainer(options);
      },
    });
  }
}
