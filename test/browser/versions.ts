import { join } from 'node:path';

/** The newest and the oldest Grafana that the app is for; each has a `host/grafana-VERSION.tsx`. */
export const versions = ['13.2', '11.1'] as const;
export type GrafanaVersion = (typeof versions)[number];

/** Where its packages are installed: the newest ones are those that the plugin is compiled against. */
export function folderOf(version: GrafanaVersion): string {
  return version === '13.2'
    ? join(import.meta.dirname, '..', '..')
    : join(import.meta.dirname, `grafana-${version}`);
}

export function packagesOf(version: GrafanaVersion): string {
  return join(folderOf(version), 'node_modules');
}

export const fullVersions: Readonly<Record<GrafanaVersion, string>> = { '13.2': '13.2.2', '11.1': '11.1.0' };
