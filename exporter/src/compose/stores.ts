import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock/system.ts';
import type { Config, StoreConfig } from '../config/schema.ts';
import { AzureStore } from '../store/azure.ts';
import type { AzureOptions } from '../store/azure/options.ts';
import { DirectoryStore } from '../store/directory.ts';
import { FencedStore } from '../store/fenced.ts';
import { Line } from '../store/line.ts';
import { RemoteStore } from '../store/objects/store.ts';
import type { RetryPolicy } from '../store/retrying.ts';
import { S3Store } from '../store/s3.ts';
import type { S3Options } from '../store/s3/options.ts';
import type { Store } from '../store/store.ts';
import { elapsed, type Environment } from './process.ts';

/** `assertOurs`: asked before what others reach as well is changed. A folder they do not reach. */
export function openStores(
  config: Config,
  env: Environment,
  assertOurs: (() => Promise<void>) | undefined,
): ReadonlyMap<string, Store> {
  return new Map(
    Object.entries(config.stores).map(([id, store]) => {
      const opened = openStore(id, store, env);
      const isFenced = assertOurs !== undefined && opened instanceof RemoteStore;
      return [id, isFenced ? new FencedStore(opened, assertOurs) : opened];
    }),
  );
}

export function openStore(id: string, store: StoreConfig, env: Environment): Store {
  switch (store.type) {
    case 'directory':
      return new DirectoryStore(id, store.path, undefined, lineOf(store));
    case 's3':
      return new S3Store(s3Options(id, store));
    case 'azure':
      return new AzureStore(azureOptions(id, store, env));
  }
}

function s3Options(id: string, store: Extract<StoreConfig, { type: 's3' }>): S3Options {
  const { provider, bucket, region, prefix, endpoint, checksums } = store;
  const {
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    session_token: sessionToken,
  } = store;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return {
    ...{ id, provider, bucket, region, prefix, endpoint, checksums, credentials },
    pathStyle: store.path_style,
    storageClass: store.storage_class,
    now: () => systemClock.now(),
    retry: remoteRetry,
    line: lineOf(store),
  };
}

function lineOf({ bandwidth }: StoreConfig): Line | undefined {
  return bandwidth === undefined ? undefined : new Line({ bytesPerSecond: bandwidth, elapsed, sleep: wait });
}

function azureOptions(
  id: string,
  store: Extract<StoreConfig, { type: 'azure' }>,
  env: Environment,
): AzureOptions {
  const { provider, container, prefix, account, endpoint } = store;
  return {
    ...{ id, provider, container, prefix, account, endpoint },
    accessTier: store.access_tier,
    credentials: azureCredentials(store, env),
    retry: remoteRetry,
    line: lineOf(store),
    now: () => systemClock.now(),
  };
}

/** The SDK's own chain knows no connection strings; other tools take it from this variable. */
function azureCredentials(
  { connection_string: text, account_key: key, sas_token: token }: Extract<StoreConfig, { type: 'azure' }>,
  env: Environment,
): AzureOptions['credentials'] {
  if (key !== undefined) return { kind: 'account_key', key };
  if (token !== undefined) return { kind: 'sas_token', token };
  const connection = text ?? env['AZURE_STORAGE_CONNECTION_STRING'];
  return connection === undefined ? undefined : { kind: 'connection_string', text: connection };
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((thrown: unknown) => {
    signal.throwIfAborted();
    throw thrown;
  });
}

const remoteRetry: RetryPolicy = {
  attempts: 8,
  firstDelayMs: 200,
  longestDelayMs: 20_000,
  random: () => randomInt(2 ** 32) / 2 ** 32,
  wait,
};
