import {
  ContainerClient,
  StorageSharedKeyCredential,
  type BlockBlobClient,
  type StoragePipelineOptions,
} from '@azure/storage-blob';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { ask, type AskOptions } from '../objects/ask.ts';
import type { AzureOptions } from './options.ts';
import { azureRefusal } from './refusal.ts';

/** The SDK itself would wait for a peer that is gone for ever. */
const longestRequestMs = 10 * 60_000;

/** A container, and how it is spoken to: with retries, and with the store's own refusals. */
export class Container {
  readonly options: AzureOptions;
  readonly client: ContainerClient;

  private constructor(options: AzureOptions, client: ContainerClient) {
    this.options = options;
    this.client = client;
  }

  static async open(options: AzureOptions): Promise<Container> {
    return new Container(options, await connect(options));
  }

  get where(): string {
    const { id, container, prefix } = this.options;
    return `store ${id} (azure://${container}${prefix === '' ? '' : `/${prefix}`})`;
  }

  keyOf(name: string): string {
    const { prefix } = this.options;
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  nameOf(key: string): string {
    const { prefix } = this.options;
    return prefix === '' ? key : key.slice(prefix.length + 1);
  }

  blob(name: string): BlockBlobClient {
    return this.client.getBlockBlobClient(this.keyOf(name));
  }

  /** Sends a request, again where that can help. What `expected` makes something of is no refusal. */
  async ask<T>(
    action: string,
    send: (signal: AbortSignal) => Promise<T>,
    options: AskOptions<T> = {},
  ): Promise<T> {
    return await ask({
      ...options,
      retry: this.options.retry,
      send: (signal) => send(AbortSignal.any([signal, AbortSignal.timeout(longestRequestMs)])),
      refusal: (thrown) => this.refusal(thrown, action),
    });
  }

  refusal(thrown: unknown, action: string): unknown {
    return azureRefusal(thrown, `${action} ${this.where}`);
  }
}

// One wrapper retries: retrying.ts.
const pipeline: StoragePipelineOptions = { retryOptions: { maxTries: 1 } };

async function connect(options: AzureOptions): Promise<ContainerClient> {
  const { account, container, credentials } = options;
  if (credentials?.kind === 'connection_string') {
    try {
      return new ContainerClient(credentials.text, container, pipeline);
    } catch {
      // Its message may show the key.
      throw new LowtideError(
        'config_invalid',
        `store ${options.id}: the connection string is not one of Azure`,
      );
    }
  }
  if (account === undefined) {
    throw new LowtideError('config_invalid', `store ${options.id} has neither account nor connection_string`);
  }
  const base = (options.endpoint ?? `https://${account}.blob.core.windows.net`).replace(/\/$/, '');
  const url = `${base}/${container}`;
  switch (credentials?.kind) {
    case 'account_key':
      return new ContainerClient(url, new StorageSharedKeyCredential(account, credentials.key), pipeline);
    case 'sas_token':
      return new ContainerClient(`${url}?${credentials.token.replace(/^\?/, '')}`, undefined, pipeline);
    case undefined: {
      const { DefaultAzureCredential } = await import('@azure/identity');
      return new ContainerClient(url, new DefaultAzureCredential(), pipeline);
    }
  }
}
