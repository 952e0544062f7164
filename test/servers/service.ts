import { readConfig } from '../../exporter/src/config/read.ts';
import type { LoadedConfig } from '../../exporter/src/config/read.ts';
import { openInstallation, type Installation } from '../../exporter/src/compose.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { serve, type ServeOptions } from '../../exporter/src/service/service.ts';
import { TestInstallation, type ConfigParts } from './installation.ts';

export const viewer = 'viewer-token-of-the-tests';
export const operator = 'operator-token-of-the-tests';
export const admin = 'admin-token-of-the-tests';

/** One token of each role. */
export const tokens = `server:
  tokens:
    - { name: viewer, role: viewer, token: ${viewer} }
    - { name: operator, role: operator, token: ${operator} }
    - { name: admin, role: admin, token: ${admin} }`;

export interface CallOptions {
  readonly token?: string | undefined;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** The real service in this process, on loopback, over an installation of the tests. */
export class TestService implements AsyncDisposable {
  readonly installation: TestInstallation;
  /** What it has logged, line by line. */
  readonly log: Record<string, unknown>[] = [];
  readonly #reloads: (() => Promise<boolean>)[] = [];
  #stop = new AbortController();
  #over: Promise<void> = Promise.resolve();
  #opened: Installation | undefined;
  address = '';

  private constructor(installation: TestInstallation) {
    this.installation = installation;
  }

  static async start(
    schedules: string,
    parts: ConfigParts = {},
    more: Partial<ServeOptions> = {},
  ): Promise<TestService> {
    return await TestService.over(await TestInstallation.make(schedules, { more: tokens, ...parts }), more);
  }

  /** Over an installation that something has been done to already. */
  static async over(installation: TestInstallation, more: Partial<ServeOptions> = {}): Promise<TestService> {
    const service = new TestService(installation);
    await service.begin(more);
    return service;
  }

  get catalog(): Installation['catalog'] {
    if (this.#opened === undefined) throw new Error('the service does not run');
    return this.#opened.catalog;
  }

  async begin(more: Partial<ServeOptions> = {}): Promise<void> {
    const read = (): Promise<LoadedConfig> => readConfig(this.installation.configFile, {});
    const loaded = await read();
    const opened = await openInstallation(loaded, {});
    this.#opened = opened;
    this.#stop = new AbortController();
    const ready = Promise.withResolvers<string>();
    const { redact } = loaded;
    const write = (line: string): void => void this.log.push(JSON.parse(line) as Record<string, unknown>);
    this.#over = serve({
      installation: opened,
      listen: ['127.0.0.1:0'],
      log: createLog({ level: 'debug', format: 'json', redact, write }),
      signal: this.#stop.signal,
      graceMs: 5000,
      onReady: ready.resolve,
      strictAnswers: true,
      beatMs: 500,
      reload: {
        read,
        listen: (reload) => void this.#reloads.splice(0, 1, reload),
      },
      ...more,
    }).finally(() => opened[Symbol.asyncDispose]());
    this.#over.catch(ready.reject);
    this.address = await ready.promise;
  }

  /** As SIGHUP does; whether the config was taken up. */
  async reload(): Promise<boolean> {
    const [reload] = this.#reloads;
    if (reload === undefined) throw new Error('the service does not listen for reloads');
    return await reload();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#over;
    this.#opened = undefined;
  }

  url(path: string): string {
    return `http://${this.address}${path}`;
  }

  /** One request to the API. */
  async call(
    path: string,
    { token = admin, method = 'GET', body, headers = {} }: CallOptions = {},
  ): Promise<Answer> {
    const response = await fetch(this.url(`/api/v1${path}`), {
      method,
      headers: {
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: response.status, headers: response.headers, body: parsed };
  }

  async post(path: string, more: CallOptions = {}): Promise<Answer> {
    return await this.call(path, { method: 'POST', ...more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.installation[Symbol.asyncDispose]();
  }
}
