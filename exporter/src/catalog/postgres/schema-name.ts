import { createHash } from 'node:crypto';

/**
 * The schema of a host: `lowtide_host_db_host_1_3f2a9c51`. PostgreSQL cuts names off at 63 bytes, so that what is readable of the
 * instance's name is followed by a hash of all of it.
 */
export function schemaOf(instance: string): string {
  const readable = instance
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 40);
  const hash = createHash('sha256').update(instance).digest('hex').slice(0, 8);
  return `lowtide_host_${readable}_${hash}`;
}
