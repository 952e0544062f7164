import { z } from 'zod';
import { byteRate, path } from './scalars.ts';

/** The kinds of `stores` in `lowtide.yaml`; see schema.ts. */

const kind = (is: string) => `the kind of store: ${is}`;

/** Of every kind of store. */
const streams = z
  .int()
  .min(1)
  .max(1000)
  .optional()
  .describe('how many backups may be written to it at once; absent: any number');

const bandwidth = byteRate
  .optional()
  .describe('no more than this goes there a second, nor comes from there; absent: as quickly as it goes');

const directoryStore = z.strictObject({
  type: z.literal('directory').describe(kind('a folder')),
  path: path.describe('the folder, made where it is missing; not inside of what is backed up'),
  streams,
  bandwidth,
});

const secret = z.string().min(1).optional();

const keyPrefix = z
  .string()
  .regex(/^(?!\/)(?!.*\/$)[^\0]*$/, { error: 'has a slash at an end: write hosts/db1' })
  .default('')
  .describe('what all keys begin with, as in hosts/db1; each host needs one of its own');

const s3Store = z
  .strictObject({
    type: z.literal('s3').describe(kind('a bucket of S3, or of what speaks its language')),
    bucket: z.string().min(1).describe('the bucket, which has to be there'),
    region: z.string().min(1).default('us-east-1').describe('where the bucket is; some servers take any'),
    prefix: keyPrefix,
    provider: z.string().min(1).default('aws').describe('the label cloud_provider of the metrics'),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'is no address: write https://HOST' })
      .optional()
      .describe("the server's address; absent: Amazon's for the region"),
    path_style: z
      .boolean()
      .default(false)
      .describe('whether the bucket stands in the path, not in the name of the host: MinIO and others'),
    storage_class: z.string().min(1).optional().describe('the storage class of new objects, as S3 names it'),
    checksums: z
      .enum(['crc32', 'none'])
      .default('crc32')
      .describe('none: for servers that refuse the headers of S3 checksums'),
    access_key_id: secret.describe("absent: found by the SDK's own chain (environment, files, instance)"),
    secret_access_key: secret.meta({ description: 'goes with access_key_id', writeOnly: true }),
    session_token: secret.meta({ description: 'of temporary credentials', writeOnly: true }),
    streams,
    bandwidth,
  })
  .refine((store) => (store.access_key_id === undefined) === (store.secret_access_key === undefined), {
    error: 'needs both access_key_id and secret_access_key, or neither',
  });

const azureStore = z
  .strictObject({
    type: z.literal('azure').describe(kind('a container of Azure Blob Storage')),
    container: z.string().min(1).describe('the container, which has to be there'),
    account: z
      .string()
      .min(1)
      .optional()
      .describe('the storage account; a connection string names it as well'),
    prefix: keyPrefix,
    provider: z.string().min(1).default('azure').describe('the label cloud_provider of the metrics'),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'is no address: write https://HOST' })
      .optional()
      .describe("the server's address; absent: Azure's for the account"),
    access_tier: z
      .string()
      .min(1)
      .optional()
      .describe('the tier of new blobs, as Azure names it: Hot, Cool, Cold'),
    connection_string: secret.meta({
      description: 'absent: AZURE_STORAGE_CONNECTION_STRING, or the keys below',
      writeOnly: true,
    }),
    account_key: secret.meta({
      description:
        "absent, with the other two: found by the SDK's own chain (environment, identity of the host)",
      writeOnly: true,
    }),
    sas_token: secret.meta({ description: 'a shared access signature, instead of a key', writeOnly: true }),
    streams,
    bandwidth,
  })
  .refine(({ connection_string: text, account_key: key, sas_token: token }) => given(text, key, token) <= 1, {
    error: 'has more than one of connection_string, account_key and sas_token',
  });

function given(...secrets: readonly (string | undefined)[]): number {
  return secrets.filter((each) => each !== undefined).length;
}

export const storeSchema = z
  .discriminatedUnion('type', [directoryStore, s3Store, azureStore])
  .describe('a place for backups');
