import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { freePort } from './daemon.ts';
import { startNode, type NodeServer } from './node-server.ts';

/** Microsoft's emulator of Azure Blob Storage, on loopback. What it stores survives a restart, though no kill. */
export class Azurite implements AsyncDisposable {
  readonly account = 'devstoreaccount1';
  /** The emulator's own, which its documentation tells. */
  readonly accountKey =
    'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
  readonly #folder: string;
  readonly port: number;
  #server: NodeServer | undefined;
  #containers = 0;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<Azurite> {
    const azurite = new Azurite(mkdtempSync(join(tmpdir(), 'lowtide-azurite-')), await freePort());
    await azurite.restart();
    return azurite;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}/${this.account}`;
  }

  get connectionString(): string {
    return this.connectionStringAt(this.port);
  }

  /** To come by way of another port, as of a proxy. */
  connectionStringAt(port: number): string {
    const { account, accountKey } = this;
    return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=http://127.0.0.1:${port}/${account};`;
  }

  /** A client of the tests' own. */
  client(container: string): ContainerClient {
    const credential = new StorageSharedKeyCredential(this.account, this.accountKey);
    return new ContainerClient(`${this.endpoint}/${container}`, credential);
  }

  async freshContainer(): Promise<string> {
    const name = `container-${(this.#containers += 1)}`;
    await this.client(name).create();
    return name;
  }

  async stop(): Promise<void> {
    await this.#server?.end('SIGTERM');
    this.#server = undefined;
  }

  /** Under the address it had. */
  async restart(): Promise<void> {
    await this.stop();
    this.#server = await startNode({
      script: createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js'),
      args: [
        ...['--location', this.#folder, '--blobHost', '127.0.0.1', '--blobPort', String(this.port)],
        ...['--silent', '--disableTelemetry', '--skipApiVersionCheck'],
      ],
      ready: /successfully listen/,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
