import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { docsText, schemaText } from '../../setup/schema.ts';
import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import { parseConfig } from './read.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const docs = read('../../docs/configuration.md');

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every schema below one, with the path to it. */
function* schemasIn(schema: JsonSchema, path: string): Generator<readonly [string, JsonSchema]> {
  yield [path, schema];
  const below: readonly (readonly [string, unknown])[] = [
    ...Object.entries(schema.properties ?? {}).map(([key, value]) => [`${path}.${key}`, value] as const),
    [`${path}[]`, schema.items],
    [`${path}.NAME`, schema.additionalProperties],
    ...(schema.oneOf ?? []).map((value) => [path, value] as const),
  ];
  for (const [where, value] of below) {
    if (isSchema(value)) yield* schemasIn(value, where);
  }
}

describe('what is made of the schema', () => {
  it('is fresh: else run "npm run schema --workspace exporter"', async () => {
    expect(read('../../schema/lowtide.schema.json')).toBe(schemaText());
    expect(docs).toBe(await docsText(docs));
  });

  it('has a sentence for every key', () => {
    const keys = [...schemasIn(configJsonSchema(), '')].flatMap(([path, schema]) =>
      Object.entries(schema.properties ?? {}).map(([key, value]) => [`${path}.${key}`, value] as const),
    );
    expect(keys.length).toBeGreaterThan(40);
    expect(keys.filter(([, value]) => typeof value !== 'object' || value.description === undefined)).toEqual(
      [],
    );
    expect(keys.filter(([path]) => !docs.includes(`\`${path.split('.').at(-1) ?? ''}\``))).toEqual([]);
  });

  it('closes every map', () => {
    const open = [...schemasIn(configJsonSchema(), '')].filter(
      ([, schema]) => schema.type === 'object' && schema.additionalProperties === undefined,
    );
    expect(open).toEqual([]);
  });

  it('marks what is secret', () => {
    const secret = [...schemasIn(configJsonSchema(), '')].filter(([, schema]) => schema.writeOnly === true);
    expect(new Set(secret.map(([path]) => path))).toEqual(
      new Set([
        '.state',
        '.server.tokens[].token',
        '.load.history.prometheus.bearer_token',
        '.load.hosts.NAME.prometheus.bearer_token',
        '.load.alerts.prometheus.bearer_token',
        '.encryption.passphrase',
        '.stores.NAME.secret_access_key',
        '.stores.NAME.session_token',
        '.stores.NAME.connection_string',
        '.stores.NAME.account_key',
        '.stores.NAME.sas_token',
        '.restore_targets.NAME.to',
        '.schedules[].source.url',
        '.schedules[].source.password',
        '.schedules[].source.env.NAME',
        '.schedules[].verify.drill_into',
        '.schedules[].verify.drill_checks.env.NAME',
      ]),
    );
  });
});

describe('docs/configuration.md', () => {
  it('has examples that work', () => {
    const examples = [...docs.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
    expect(examples.length).toBeGreaterThan(0);
    for (const text of examples) {
      const { config, warnings } = parseConfig(text, {
        file: '/srv/lowtide/lowtide.yaml',
        host: { name: 'db1', timezone: 'UTC' },
        resolveSecret: ({ kind, name }) => ({
          value: kind === 'env' ? 'postgres://app@db1/app' : `hunter2-hunter2-${name}`,
        }),
      });
      expect(warnings).toEqual([]);
      expect(config.schedules.length).toBeGreaterThan(0);
    }
  });

  it('shows a report as it looks', () => {
    expect(docs).toContain(
      read('./testdata/window.txt')
        .split('\n')[0]
        ?.replace(/^.*?(?= schedules)/, ''),
    );
  });
});
