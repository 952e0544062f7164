import { z } from 'zod';
import { path } from './scalars.ts';

/** The kinds of `stores` in `lowtide.yaml`; see schema.ts. */

const kind = (is: string) => `the kind of store: ${is}`;

/** Of every kind of store. */
const streams = z
  .int()
  .min(1)
  .max(1000)
  .optional()
  .describe('how many backups may be written to it at once; absent: any number');

const directoryStore = z.strictObject({
  type: z.literal('directory').describe(kind('a folder')),
  path: path.describe('the folder, made where it is missing; not inside of what is backed up'),
  streams,
});

const secret = z.string().min(1).optional();

const s3Store = z
  .strictObject({
    type: z.literal('s3').describe(kind('a bucket of S3, or of what speaks its language')),
    bucket: z.string().min(1).describe('the bucket, which has to be there'),
    region: z.string().min(1).default('us-east-1').describe('where the bucket is; some servers take any'),
    prefix: z
      .string()
      .regex(/^(?!\/)(?!.*\/$)[^\0]*$/, { error: 'has a slash at an end: write hosts/db1' })
      .default('')
      .describe('what all keys begin with, as in hosts/db1; each host needs one of its own'),
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
  })
  .refine((store) => (store.access_key_id === undefined) === (store.secret_access_key === undefined), {
    error: 'needs both access_key_id and secret_access_key, or neither',
  });

export const storeSchema = z
  .discriminatedUnion('type', [directoryStore, s3Store])
  .describe('a place for backups');
