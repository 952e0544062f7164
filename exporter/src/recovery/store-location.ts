import { resolve } from 'node:path';
import { z } from 'zod';
import { storeSchema } from '../config/store-schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';

/** A store as the config has it, and the keys that the text names. */
export interface StoreLocation {
  readonly config: z.output<typeof storeSchema>;
  readonly written: Readonly<Record<string, unknown>>;
}

interface Scheme {
  /** The key of the config that stands between the slashes. */
  readonly key: 'bucket' | 'container';
  readonly form: string;
  readonly secrets: readonly string[];
  readonly credentials: string;
}

const schemes: Readonly<Record<string, Scheme>> = {
  s3: {
    key: 'bucket',
    form: 's3://BUCKET/PREFIX?region=…&endpoint=…',
    secrets: ['access_key_id', 'secret_access_key', 'session_token'],
    credentials: 'the environment (AWS_ACCESS_KEY_ID, …) or ~/.aws',
  },
  azure: {
    key: 'container',
    form: 'azure://CONTAINER/PREFIX?account=…',
    secrets: ['connection_string', 'account_key', 'sas_token'],
    credentials: 'the environment (AZURE_STORAGE_CONNECTION_STRING, or what the SDK knows)',
  },
};

/**
 * A store that no config names: a folder, or `s3://BUCKET/PREFIX?region=…&endpoint=…&path_style=true` or
 * `azure://CONTAINER/PREFIX?account=…` with the keys of the config as parameters. Credentials come from the environment and the SDK's own
 * chain, never from here: a command line is read by every user of the host. Throws `usage`.
 */
export function parseStoreLocation(text: string): StoreLocation {
  const type = /^([a-z][a-z0-9]*):\/\//.exec(text)?.[1];
  if (type === undefined) return locationOf({ type: 'directory', path: resolve(text) }, text);
  const scheme = schemes[type];
  if (scheme === undefined) {
    const forms = Object.values(schemes).map(({ form }) => form);
    throw usage(text, `Give a folder, ${forms.join(', or ')}`);
  }
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || url.password !== '' || url.username !== '') {
    throw usage(text, `Write ${scheme.form}; credentials come from ${scheme.credentials}.`);
  }
  const prefix = decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, '');
  const parameters = [...url.searchParams].map(([key, value]): [string, unknown] => [
    key,
    key === 'path_style' ? value === 'true' : value,
  ]);
  if (parameters.some(([key]) => scheme.secrets.includes(key))) {
    throw usage(`${type}://${url.hostname}/${prefix}`, `Credentials come from ${scheme.credentials}.`);
  }
  const given: Record<string, unknown> = Object.fromEntries(parameters);
  return locationOf({ type, [scheme.key]: url.hostname, ...(prefix !== '' && { prefix }), ...given }, text);
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
