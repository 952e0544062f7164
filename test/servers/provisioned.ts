import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from './postgres.ts';
import type { S3Double } from './s3.ts';

const provisioning = join(import.meta.dirname, '../../provisioning');
const read = (name: string): string => readFileSync(join(provisioning, name), 'utf8');

/** The folders of the secrets, in the order in which make-secrets.sh takes them. */
export const secretFolders = ['lowtide', 'grafana', 'postgres', 's3', 'fleet-postgres'] as const;

/** The secrets of a first start in folders under `folder`, but for the keys of an S3 server that has its own. */
export function makeSecrets(folder: string, s3: S3Double): void {
  const folders = secretFolders.map((name) => join(folder, name));
  for (const each of folders) mkdirSync(each);
  const made = spawnSync('sh', [join(provisioning, 'lowtide/make-secrets.sh'), ...folders], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`make-secrets.sh: ${made.stdout}${made.stderr}`);
  for (const [name, secret] of [
    ['s3-access-key', s3.accessKeyId],
    ['s3-secret-key', s3.secretAccessKey],
  ] as const) {
    rmSync(join(folder, 'lowtide', name));
    writeFileSync(join(folder, 'lowtide', name), secret, { mode: 0o444 });
  }
}

/** What the container `postgres` has at its first start. */
export function makeShop(postgres: PostgresServer, secrets: string): void {
  const password = readFileSync(join(secrets, 'lowtide/postgres-password'), 'utf8');
  postgres.query(`CREATE ROLE shop SUPERUSER LOGIN PASSWORD '${password}'`);
  postgres.query('CREATE DATABASE shop OWNER shop');
  postgres.query(read('postgres/shop.sql'), 'shop');
}

/** Where that is on this machine which the containers have in one place. */
export interface Places {
  /** The folder of `makeSecrets`. */
  readonly secrets: string;
  /** Of the host alone. */
  readonly data: string;
  readonly app: string;
  readonly port: number;
  /** In place of every server that is called `postgres` in the containers. */
  readonly postgres: Pick<PostgresServer, 'port'>;
  readonly s3: S3Double;
  readonly bucket: string;
}

/** A config of the containers, a file of provisioning/lowtide, for where things are here. */
export function configHere(
  name: 'lowtide.yaml' | 'fleet.yaml',
  { secrets, data, app, port, postgres, s3, bucket }: Places,
): string {
  return read(`lowtide/${name}`)
    .replaceAll('/var/lib/lowtide', data)
    .replaceAll('/run/lowtide', join(secrets, 'lowtide'))
    .replaceAll('/opt/lowtide', app)
    .replace('0.0.0.0:10210', `127.0.0.1:${port}`)
    .replace('http://s3:7070', s3.endpoint)
    .replace('bucket: lowtide', `bucket: ${bucket}\n    region: ${s3.region}`)
    .replaceAll(/@(?:fleet-)?postgres:5432/g, `@127.0.0.1:${postgres.port}`);
}
