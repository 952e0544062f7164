import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { archiveOf } from '../../grafana-plugin/archive.ts';

/**
 * The zip of the built plugin, held to what Grafana's plugin validator looks at: https://github.com/grafana/plugin-validator, of
 * which each test names the analyzers. (It is a program to be downloaded; its rules are few enough to be said again.)
 */
const plugin = join(import.meta.dirname, '../../grafana-plugin');
const id = 'lowtide-backups-app';
const files = unzipSync(archiveOf(join(plugin, 'dist')));
const names = Object.keys(files);
const text = (name: string): string => Buffer.from(files[`${id}/${name}`] ?? []).toString();

interface PluginJson {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly info: {
    readonly description: string;
    readonly keywords: readonly string[];
    readonly version: string;
    readonly updated: string;
    readonly logos: { readonly small: string; readonly large: string };
    readonly screenshots?: readonly { readonly name: string; readonly path: string }[];
    readonly links?: readonly { readonly url: string }[];
  };
  readonly dependencies: { readonly grafanaDependency: string };
  readonly includes?: readonly { readonly type: string; readonly name: string; readonly path: string }[];
}

const folders = names
  .filter((name) => name.endsWith('/plugin.json'))
  .map((name) => name.slice(id.length + 1, -'plugin.json'.length));
const plugins = folders.map(
  (folder) => [folder, JSON.parse(text(`${folder}plugin.json`)) as PluginJson] as const,
);
const [, app] = plugins.find(([folder]) => folder === '') ?? [];
if (app === undefined) throw new Error('the archive has no plugin.json');

describe('the archive of the plugin', () => {
  it('is one folder named as the plugin, without what only its build needs (archive, archivename)', () => {
    expect(app.id).toBe(id);
    expect(
      names.filter((name) => !name.startsWith(`${id}/`) || /\/\.|\.tsx?$|node_modules/.test(name)),
    ).toEqual([]);
  });

  it('is the same for the same files', () => {
    expect(Buffer.from(archiveOf(join(plugin, 'dist'))).equals(archiveOf(join(plugin, 'dist')))).toBe(true);
  });

  it('has the app and both panels, each with its module and source map (modulejs, jssourcemap)', () => {
    expect(folders.toSorted()).toEqual(['', 'panels/rotation/', 'panels/schedule/']);
    for (const folder of folders) {
      expect(text(`${folder}module.js`)).toContain('define(');
      const map = JSON.parse(text(`${folder}module.js.map`)) as { readonly sources: readonly string[] };
      expect(map.sources.some((source) => source.includes('module.tsx'))).toBe(true);
    }
  });

  it.each(plugins)(
    '%j has a plugin.json in which nothing is left out (metadatavalid, pluginname)',
    (_, json) => {
      expect(json.id).toMatch(new RegExp(`^[0-9a-z]+-([0-9a-z]+-)?${json.type}$`));
      expect(json.name).not.toMatch(/grafana|%/i);
      expect(json.info.version).toBe(app.info.version);
      expect(json.info.updated).toMatch(/^\d{4}-\d\d-\d\d$/);
    },
  );

  it.each(plugins)(
    '%j can be found, and says what it needs (discoverability, grafanadependency)',
    (_, json) => {
      expect(json.info.description.length).toBeGreaterThan(20);
      expect(json.info.keywords.length).toBeGreaterThan(0);
      expect(json.dependencies.grafanaDependency).toBe('>=11.1.0-0');
    },
  );

  it.each(plugins)('%j has its logos and screenshots (metadatapaths, logos, screenshots)', (folder, json) => {
    const { logos, screenshots = [] } = json.info;
    for (const path of [logos.small, logos.large, ...screenshots.map((each) => each.path)]) {
      expect(files[`${id}/${folder}${path}`]?.length ?? 0, path).toBeGreaterThan(100);
    }
  });

  it('has pictures of itself, each of which is one', () => {
    expect(app.info.screenshots?.length).toBeGreaterThanOrEqual(3);
    for (const { path } of app.info.screenshots ?? []) {
      expect(
        Buffer.from(files[`${id}/${path}`] ?? [])
          .subarray(1, 4)
          .toString(),
      ).toBe('PNG');
    }
  });

  it('names its panels with path and type (includesnested)', () => {
    const nested = (app.includes ?? []).filter(({ type }) => type === 'panel');
    const there = plugins.filter(([folder]) => folder !== '');
    expect(nested.map(({ path }) => path).toSorted()).toEqual(
      there.map(([folder]) => `${folder}plugin.json`).toSorted(),
    );
    expect(nested.map(({ name }) => name).toSorted()).toEqual(there.map(([, { name }]) => name).toSorted());
  });

  it('is of the version of its package', () => {
    const { version } = JSON.parse(readFileSync(join(plugin, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    expect(app.info.version).toBe(version);
  });

  it('has readme, changelog and licence (readme, changelog, license)', () => {
    expect(text('README.md')).toMatch(/^# Lowtide\n[^]*## Install\n[^]*## Set up\n/);
    expect(text('README.md')).not.toContain('%VERSION%');
    expect(text('CHANGELOG.md')).toContain('## ');
    expect(text('LICENSE')).toContain('Apache License');
  });

  it('has no picture that could do anything (unsafesvg), and only links that are safe (safelinks)', () => {
    const drawings = names.filter((name) => name.endsWith('.svg'));
    expect(drawings.length).toBeGreaterThan(0);
    for (const name of drawings) {
      expect(Buffer.from(files[name] ?? []).toString()).not.toMatch(
        /<script|foreignObject|\son\w+=|javascript:|href=/i,
      );
    }
    for (const { url } of plugins.flatMap(([, { info }]) => info.links ?? [])) expect(url).toMatch(/^https:/);
    expect(text('README.md').match(/\]\(http:/g)).toBeNull();
  });

  it('tells nobody else what is done in it (trackingscripts), and runs no text as code', () => {
    const modules = names
      .filter((name) => name.endsWith('.js'))
      .map((name) => Buffer.from(files[name] ?? []).toString());
    for (const module of modules) {
      expect(module).not.toMatch(/google-analytics|googletagmanager|mixpanel|\beval\(|new Function\(/);
    }
  });
});
