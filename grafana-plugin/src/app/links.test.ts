import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { links } from './links.ts';

interface PluginJson {
  readonly extensions: { readonly addedLinks: readonly object[] };
  readonly includes: readonly { readonly path: string }[];
}

const pluginJson = JSON.parse(
  readFileSync(join(import.meta.dirname, '../plugin.json'), 'utf8'),
) as PluginJson;

describe('the links into the app', () => {
  it('are those that plugin.json tells of, else Grafana 12 refuses them', () => {
    const told = links.map(({ title, description, targets }) => ({ title, description, targets }));
    expect(pluginJson.extensions.addedLinks).toEqual(told);
  });

  it('lead to pages that there are', () => {
    const pages = pluginJson.includes.map(({ path }) => path);
    expect(pages).toEqual(expect.arrayContaining(links.map(({ path }) => path)));
  });

  it('are told apart by their titles', () => {
    expect(new Set(links.map(({ title }) => title)).size).toBe(links.length);
  });
});

describe('the link in the menu of a panel', () => {
  const configure = links.find(({ targets }) => targets.includes('grafana/dashboard/panel/menu'))?.configure;
  const pathFor = (pluginId: string, ...exprs: readonly string[]): string | undefined =>
    configure?.({ pluginId, targets: exprs.map((expr, index) => ({ refId: String(index), expr })) })?.path;

  it.each([
    ['lowtide-schedule-panel', [], '/a/lowtide-backups-app/schedules'],
    ['lowtide-rotation-panel', [], '/a/lowtide-backups-app/keys'],
    ['stat', ['sum(backup_key_backups{job="b"})'], '/a/lowtide-backups-app/keys'],
    ['timeseries', ['increase(backup_deferred_total[1d])'], '/a/lowtide-backups-app/schedules'],
    ['timeseries', ['up', 'rate(backup_size_bytes_sum[5m])'], '/a/lowtide-backups-app/backups'],
    ['stat', ['lowtide_build_info'], '/a/lowtide-backups-app/overview'],
    ['stat', ['node_load1', 'my_backup_key_total'], undefined],
    ['text', [], undefined],
  ])('of %s that asks %j leads to %s', (pluginId, exprs, path) => {
    expect(pathFor(pluginId, ...exprs)).toBe(path);
  });

  it('is not there for a panel that nothing is known of', () => {
    expect(configure?.(undefined)).toBeUndefined();
  });
});
