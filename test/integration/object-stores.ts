import { setTimeout as delay } from 'node:timers/promises';
import type { AzureOptions } from '../../exporter/src/store/azure/options.ts';
import type { RetryPolicy } from '../../exporter/src/store/retrying.ts';
import type { S3Options } from '../../exporter/src/store/s3/options.ts';
import type { Azurite } from '../servers/azurite.ts';
import type { S3Double } from '../servers/s3.ts';

/** As many tries as in production, and shorter waits between them. */
const briefRetry: RetryPolicy = {
  attempts: 8,
  firstDelayMs: 20,
  longestDelayMs: 500,
  random: () => 1,
  wait: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
};

/** For a server that is not going to come back. */
export const retryOnce: RetryPolicy = { ...briefRetry, attempts: 2 };

/** For the double, or any other server that is reached in the same way. */
export function s3Options(
  double: Record<'endpoint' | 'region' | 'accessKeyId' | 'secretAccessKey', string>,
  bucket: string,
): S3Options {
  const { endpoint, region, accessKeyId, secretAccessKey } = double;
  return {
    id: 'offsite',
    provider: 'double',
    bucket,
    region,
    prefix: '',
    endpoint,
    pathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    checksums: 'crc32',
    retry: briefRetry,
    now: () => Date.now(),
  };
}

/** The same as the config has it; `changed` are keys with other values, undefined for those that are not to be there. */
export function s3Yaml(
  double: S3Double,
  bucket: string,
  changed: Readonly<Record<string, unknown>> = {},
): string {
  const { endpoint, region, accessKeyId, secretAccessKey } = double;
  return JSON.stringify({
    ...{ type: 's3', provider: 'double', bucket, region, prefix: 'db1', endpoint, path_style: true },
    ...{ access_key_id: accessKeyId, secret_access_key: secretAccessKey },
    ...changed,
  });
}

export function azureYaml(
  { connectionString }: Pick<Azurite, 'connectionString'>,
  container: string,
): string {
  return JSON.stringify({ type: 'azure', container, prefix: 'db1', connection_string: connectionString });
}

export function azureOptions(azurite: Azurite, container: string): AzureOptions {
  const { endpoint, account, accountKey } = azurite;
  return {
    id: 'offsite',
    provider: 'azure',
    container,
    prefix: '',
    account,
    endpoint,
    credentials: { kind: 'account_key', key: accountKey },
    retry: briefRetry,
    now: () => Date.now(),
  };
}
