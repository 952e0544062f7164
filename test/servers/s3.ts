import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from './daemon.ts';
import { startNode, type NodeServer } from './node-server.ts';
import type { Fault } from './s3/faults.ts';
import { program } from './programs.ts';

export interface S3Counts {
  readonly requests: Readonly<Record<string, number>>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly unfired: readonly Fault[];
}

/**
 * An S3 server of our own, in a process of its own: no emulator on npm copies parts (UploadPartCopy). What it stores survives a
 * kill.
 */
export class S3Double implements AsyncDisposable {
  readonly accessKeyId = 'AKIADOUBLE';
  readonly secretAccessKey = 'secret-of-the-double';
  readonly region = 'eu-west-1';
  readonly #folder: string;
  readonly #port: number;
  #server: NodeServer | undefined;
  #buckets = 0;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  static async start(): Promise<S3Double> {
    const double = new S3Double(mkdtempSync(join(tmpdir(), 'lowtide-s3-')), await freePort());
    await double.restart();
    return double;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** A client of the tests' own. */
  client(): S3Client {
    const { endpoint, region, accessKeyId, secretAccessKey } = this;
    return new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
  }

  async freshBucket(
    options: { readonly lock?: boolean; readonly versioned?: boolean } = {},
  ): Promise<string> {
    const Bucket = `bucket-${(this.#buckets += 1)}`;
    const client = this.client();
    await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: options.lock === true }));
    if (options.versioned === true) {
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    }
    client.destroy();
    return Bucket;
  }

  async fail(fault: Fault): Promise<void> {
    await this.#tell('fault', JSON.stringify(fault));
  }

  /** Takes back the faults that have not fired. */
  async calm(): Promise<void> {
    await this.#tell('calm', '');
  }

  /** The server's clock, ahead of everybody's. */
  async setClock(aheadMs: number): Promise<void> {
    await this.#tell('clock', String(aheadMs));
  }

  /** All credentials, or those with this session token; undefined: none are expired any more. */
  async expireCredentials(which: 'all' | { readonly sessionToken: string } | undefined): Promise<void> {
    await this.#tell('expire', JSON.stringify(which ?? null));
  }

  /** Has it killed at such a request, with nothing done of it, and started again once it is gone. */
  async dieAndReturn(at: Pick<Fault, 'operation' | 'after'>): Promise<{ readonly returned: Promise<void> }> {
    const server = this.#server;
    if (server === undefined) throw new Error('the double does not run');
    await this.fail({ ...at, times: 1, effect: { kind: 'kill', pid: server.pid } });
    return { returned: server.ended.then(() => this.restart()) };
  }

  counts(): Promise<S3Counts> {
    return this.#tell('counts', '');
  }

  async resetCounts(): Promise<void> {
    await this.#tell('reset', '');
  }

  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL');
    this.#server = undefined;
  }

  /** Under the address it had. */
  async restart(): Promise<void> {
    await this.kill();
    this.#server = await startNode({
      script: program('test/servers/s3/main.ts'),
      args: [this.#folder, String(this.#port), this.accessKeyId, this.secretAccessKey, this.region],
      ready: /ready/,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #tell(what: string, body: string): Promise<S3Counts> {
    const answer = await fetch(`${this.endpoint}/-/${what}`, { method: 'POST', body });
    return (await answer.json()) as S3Counts;
  }
}
