import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { hostFolder } from './build-host.ts';
import type { HostSettings, PluginMeta } from './host/settings.ts';
import { proxy, type ProxyUser } from './proxy.ts';
import type { PluginRoute } from './routes.ts';
import { fullVersions, packagesOf, type GrafanaVersion } from './versions.ts';

const root = join(import.meta.dirname, '..', '..');
const dist = join(root, 'grafana-plugin', 'dist');
const appId = 'lowtide-backups-app';

export interface GrafanaOptions {
  readonly version: GrafanaVersion;
  readonly user?: ProxyUser;
  readonly theme?: 'dark' | 'light';
  readonly language?: string;
  readonly timezone?: string;
  readonly sendsUser?: boolean;
  readonly timeoutMs?: number;
}

interface AppSettings {
  readonly enabled: boolean;
  readonly jsonData: Record<string, unknown>;
  readonly secureJsonData: Record<string, string>;
}

/**
 * A Grafana as far as the plugin can tell: the real packages of one version in the page, the built plugin below its own
 * ids, settings that can be saved, and the proxy with the routes of the built plugin.json. Who is signed in, and how they
 * like it, can be changed at any time; it counts when the page is opened the next time.
 */
export class TestGrafana implements AsyncDisposable {
  user: ProxyUser;
  theme: 'dark' | 'light';
  language: string;
  timezone: string;
  settings: AppSettings = { enabled: true, jsonData: {}, secureJsonData: {} };
  /** Every request to the exporter, as `GET api/v1/status`. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #options: GrafanaOptions;

  private constructor(options: GrafanaOptions) {
    this.#options = options;
    this.user = options.user ?? { login: 'ann', role: 'Admin' };
    this.theme = options.theme ?? 'dark';
    this.language = options.language ?? 'en-US';
    this.timezone = options.timezone ?? 'utc';
    this.#server = createServer((request, answer) => {
      this.#serve(request, answer).catch((error: unknown) => {
        answer.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
      });
    });
  }

  static async start(options: GrafanaOptions): Promise<TestGrafana> {
    const grafana = new TestGrafana(options);
    grafana.#server.listen(0, '127.0.0.1');
    await once(grafana.#server, 'listening');
    return grafana;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Sets the app up, as provisioning does. */
  connect(exporterUrl: string, token: string): void {
    this.settings = { enabled: true, jsonData: { exporterUrl }, secureJsonData: { token } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const proxied = `/api/plugin-proxy/${appId}/`;
    if (pathname.startsWith(proxied)) {
      const path = (request.url ?? '').slice(proxied.length);
      this.requests.push(`${request.method ?? ''} ${path}`);
      await proxy(request, answer, path, {
        routes: pluginJson('').routes ?? [],
        settings: this.settings.enabled ? this.settings : undefined,
        user: this.user,
        sendsUser: this.#options.sendsUser ?? true,
        timeoutMs: this.#options.timeoutMs ?? 10_000,
      });
    } else if (pathname === `/api/plugins/${appId}/settings`) {
      await this.#serveSettings(request, answer);
    } else if (pathname.startsWith('/public/') || pathname.startsWith('/host/')) {
      this.#serveFile(pathname, answer);
    } else {
      answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(this.#page());
    }
  }

  async #serveSettings(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (request.method === 'POST') {
      if (this.user.role !== 'Admin') return void answer.writeHead(403).end('{"message":"Access denied"}');
      const change = (await json(request)) as Partial<AppSettings>;
      this.settings = {
        enabled: change.enabled ?? false,
        jsonData: change.jsonData ?? {},
        secureJsonData: { ...this.settings.secureJsonData, ...change.secureJsonData },
      };
    }
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.#appMeta()));
  }

  #serveFile(pathname: string, answer: ServerResponse): void {
    const file = this.#fileOf(pathname);
    if (file === undefined || !existsSync(file) || !statSync(file).isFile()) {
      // Fonts are in no npm package.
      return void answer.writeHead(pathname.startsWith('/public/fonts/') ? 204 : 404).end();
    }
    answer.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(answer);
  }

  #fileOf(pathname: string): string | undefined {
    const packages = packagesOf(this.#options.version);
    const places: readonly (readonly [string, string])[] = [
      ['/host/systemjs/', join(root, 'node_modules', 'systemjs', 'dist')],
      ['/host/', hostFolder(this.#options.version)],
      ['/public/build/img/', join(packages, '@grafana', 'ui', 'dist', 'public', 'img')],
      ['/public/img/', join(packages, '@grafana', 'ui', 'dist', 'public', 'img')],
      [`/public/plugins/${appId}/`, dist],
      ...Object.entries(panelFolders).map(
        ([id, folder]) => [`/public/plugins/${id}/`, join(dist, folder)] as const,
      ),
    ];
    for (const [prefix, folder] of places) {
      if (!pathname.startsWith(prefix)) continue;
      const file = normalize(join(folder, decodeURIComponent(pathname.slice(prefix.length))));
      return file.startsWith(folder) ? file : undefined;
    }
    return undefined;
  }

  #page(): string {
    const settings: HostSettings = {
      version: fullVersions[this.#options.version],
      theme: this.theme,
      language: this.language,
      timezone: this.timezone,
      user: this.user,
      app: this.#appMeta(),
      panels: Object.fromEntries(
        Object.entries(panelFolders).map(([id, folder]) => [id, metaOf(pluginJson(folder), {})]),
      ),
    };
    const inline = JSON.stringify(settings).replaceAll('<', '\\u003c');
    return `<!doctype html>
<html lang="${this.language}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Lowtide - Grafana</title>
    <base href="/" />
    <style>*, ::before, ::after { box-sizing: border-box; } body { margin: 0; } table { border-collapse: collapse; } th { text-align: left; }</style>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="host/host.css" />
    <script src="host/systemjs/system.js"></script>
    <script src="host/systemjs/extras/amd.js"></script>
    <script>window.hostSettings = ${inline};</script>
  </head>
  <body class="theme-${this.theme}">
    <div id="reactRoot"></div>
    <script type="module" src="host/host.js"></script>
  </body>
</html>`;
  }

  #appMeta(): PluginMeta {
    const { enabled, jsonData, secureJsonData } = this.settings;
    const secureJsonFields = Object.fromEntries(
      Object.entries(secureJsonData).map(([name, value]) => [name, value !== '']),
    );
    return metaOf(pluginJson(''), { enabled, jsonData, secureJsonFields });
  }
}

interface PluginJson {
  readonly id: string;
  readonly name: string;
  readonly info: PluginMeta['info'];
  readonly includes?: PluginMeta['includes'];
  readonly routes?: readonly PluginRoute[];
}

function pluginJson(folder: string): PluginJson {
  return JSON.parse(readFileSync(join(dist, folder, 'plugin.json'), 'utf8')) as PluginJson;
}

function metaOf({ id, name, info, includes = [] }: PluginJson, more: Partial<PluginMeta>): PluginMeta {
  const small = `public/plugins/${id}/${info.logos.small}`;
  return {
    id,
    name,
    info: { ...info, logos: { small, large: `public/plugins/${id}/${info.logos.large}` } },
    includes,
    enabled: true,
    jsonData: {},
    secureJsonFields: {},
    ...more,
  };
}

const panelFolders: Readonly<Record<string, string>> = {
  'lowtide-schedule-panel': 'panels/schedule',
  'lowtide-rotation-panel': 'panels/rotation',
};

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};
