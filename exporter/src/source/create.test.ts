import { describe, expect, it } from 'vitest';
import type { SourceConfig } from '../config/schema.ts';
import { createSource } from './create.ts';

const configs: readonly [config: SourceConfig, kind: string, label: string][] = [
  [
    { type: 'postgres', url: 'postgres://me:hush@db1/app', globals: 'auto' },
    'database',
    'postgres://db1:5432/app',
  ],
  [{ type: 'mysql', url: 'mysql://me:hush@db1/app' }, 'database', 'mysql://db1:3306/app'],
  [{ type: 'sqlite', path: '/srv/app.db' }, 'database', '/srv/app.db'],
  [{ type: 'directory', path: '/srv', exclude: [], unreadable: 'fail' }, 'files', '/srv'],
  [{ type: 'command', argv: ['dump-it', '--key=hush'], env: {} }, 'command', 'dump-it'],
];

describe('a source from the config', () => {
  it.each(configs)('has the type, the kind and a label without secrets: %o', (config, kind, label) => {
    expect(createSource(config)).toMatchObject({ type: config.type, kind, label });
  });

  it.each<SourceConfig>([
    { type: 'command', argv: [], env: {} },
    { type: 'command', argv: [''], env: {} },
    { type: 'postgres', url: 'db1', globals: 'auto' },
    { type: 'mysql', url: 'mysql://db1' },
  ])('is refused before anything starts: %o', (config) => {
    expect(() => createSource(config)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});
