import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { dataSourceUid } from './grafana.ts';

/** What Grafana's readers of provisioning files take, from their sources: a key that they do not know is passed over in silence. */
const uid = z.string().regex(/^[a-zA-Z0-9_-]{1,40}$/);
const org = z.int().positive();
const scalar = z.union([z.string(), z.number(), z.boolean()]);

const files = {
  'datasources/lowtide.yaml': z.strictObject({
    apiVersion: z.literal(1),
    datasources: z
      .array(
        z.strictObject({
          name: z.string().min(1),
          uid,
          type: z.literal('prometheus'),
          access: z.enum(['proxy', 'direct']),
          url: z.url(),
          isDefault: z.boolean(),
          editable: z.boolean(),
          jsonData: z.record(z.string(), scalar),
        }),
      )
      .min(1),
  }),
  'dashboards/lowtide.yaml': z.strictObject({
    apiVersion: z.literal(1),
    providers: z
      .array(
        z.strictObject({
          name: z.string().min(1),
          orgId: org,
          folder: z.string().min(1),
          type: z.literal('file'),
          disableDeletion: z.boolean(),
          allowUiUpdates: z.boolean(),
          updateIntervalSeconds: z.int().min(10),
          options: z.strictObject({
            path: z.string().startsWith('/'),
            foldersFromFilesStructure: z.boolean(),
          }),
        }),
      )
      .length(1),
  }),
  'plugins/lowtide.yaml': z.strictObject({
    apiVersion: z.literal(1),
    apps: z
      .array(
        z.strictObject({
          type: z.literal('lowtide-backups-app'),
          org_id: org,
          disabled: z.literal(false),
          jsonData: z.strictObject({ exporterUrl: z.url() }),
          // Nothing secret stands in the file itself.
          secureJsonData: z.strictObject({ token: z.string().regex(/^\$__file\{\/[\w/-]+\}$/) }),
        }),
      )
      .length(1),
  }),
} as const;

const folder = join(import.meta.dirname, '../grafana');
const read = (path: string): unknown => parse(readFileSync(join(folder, path), 'utf8'));

describe('the provisioning files for Grafana', () => {
  it.each(Object.entries(files))('%s has what its reader takes, and nothing else', (path, schema) => {
    expect(schema.safeParse(read(path)).error).toBeUndefined();
  });

  it('are these, where Grafana looks for them', () => {
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.ya?ml$/.test(path),
    );
    expect(found.toSorted()).toEqual([...Object.keys(files), 'alerting/lowtide.yaml'].toSorted());
  });

  it('give the data source the uid that the alerts ask for', () => {
    const { datasources } = files['datasources/lowtide.yaml'].parse(read('datasources/lowtide.yaml'));
    expect(datasources.map((source) => source.uid)).toEqual([dataSourceUid]);
  });
});
