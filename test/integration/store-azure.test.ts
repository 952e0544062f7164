import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { AzureStore } from '../../exporter/src/store/azure.ts';
import { storeConformance } from '../conformance/store.ts';
import { Azurite } from '../servers/azurite.ts';
import { azureOptions } from './object-stores.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await Azurite.start();
});
afterAll(() => azurite[Symbol.asyncDispose]());

storeConformance('Azure, below a prefix', async () => {
  const container = await azurite.freshContainer();
  return {
    open: () => new AzureStore({ ...azureOptions(azurite, container), prefix: 'hosts/db1' }),
    async abandon(name, bytes) {
      const blob = azurite.client(container).getBlockBlobClient(`hosts/db1/${name}`);
      // There are no blocks of no bytes.
      const block = bytes.length === 0 ? Buffer.alloc(1) : Buffer.from(bytes);
      await blob.stageBlock(Buffer.from(randomUUID()).toString('base64'), block, block.length);
    },
    async [Symbol.asyncDispose]() {
      await Promise.resolve();
    },
  };
});
