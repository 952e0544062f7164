import { resolve } from 'node:path';
import { z } from 'zod';
import { storeSchema } from '../config/store-schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';

/** A store as the config has it, and the keys that the text names. */
export interface StoreLocation {
  readonly config: z.output<typeof storeSchema>;
  readonly written: Readonly<Record<string, unknown>>;
}

const schemes = ['s3'] as const;

/**
 * A store that no config names: a folder, or `s3://BUCKET/PREFIX?region=…&endpoint=…&path_style=true` with the keys of the config as
 * parameters. Credentials come from the SDK's own chain, never from here: a command line is read by every user of the host.
 * Throws `usage`.
 */
export function parseStoreLocation(text: string): StoreLocation {
  const scheme = /^([a-z][a-z0-9]*):\/\//.exec(text)?.[1];
  if (scheme === undefined) return locationOf({ type: 'directory', path: resolve(text) }, text);
  if (!schemes.some((known) => known === scheme)) {
    throw usage(text, 'Give a folder, or s3://BUCKET/PREFIX?region=…');
  }
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || url.password !== '' || url.username !== '') {
    throw usage(
      text,
      'Write s3://BUCKET/PREFIX?region=…&endpoint=…; credentials come from the environment or ~/.aws.',
    );
  }
  const prefix = decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, '');
  const parameters = [...url.searchParams].map(([key, value]): [string, unknown] => [
    key,
    key === 'path_style' ? value === 'true' : value,
  ]);
  const secrets = ['access_key_id', 'secret_access_key', 'session_token'];
  if (parameters.some(([key]) => secrets.includes(key))) {
    throw usage(
      `s3://${url.hostname}/${prefix}`,
      'Credentials come from the environment (AWS_ACCESS_KEY_ID, …) or ~/.aws.',
    );
  }
  const given: Record<string, unknown> = Object.fromEntries(parameters);
  return locationOf({ type: 's3', bucket: url.hostname, ...(prefix !== '' && { prefix }), ...given }, text);
}

function locationOf(written: Readonly<Record<string, unknown>>, text: string): StoreLocation {
  const parsed = storeSchema.safeParse(written);
  if (parsed.success) return { config: parsed.data, written };
  const [issue] = parsed.error.issues;
  throw usage(text, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function usage(text: string, hint: string): LowtideError {
  return new LowtideError('usage', `${text} names no store`, { hint });
}
