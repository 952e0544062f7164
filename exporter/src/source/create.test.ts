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
  [
    {
      type: 'restic',
      ...{ repository: 'rest:https://me:hush@nas/', password: 'hush', paths: ['/home', '/etc'], env: {} },
      ...{ exclude: [], tags: [], check: 1, read_data: '2%', prune: 1 },
    },
    'files',
    '/home, /etc',
  ],
  [
    {
      type: 'pgbackrest',
      stanza: 'main',
      backup: 'auto',
      full_every: 1,
      env: { PGPASSWORD: 'hush' },
      check: 1,
    },
    'database',
    'stanza main',
  ],
  [{ type: 'command', argv: ['dump-it', '--key=hush'], env: {} }, 'command', 'dump-it'],
];

describe('a source from the config', () => {
  it.each(configs)('has the type, the kind and a label without secrets: %o', (config, kind, label) => {
    const source = createSource(config);
    expect(source).toMatchObject({ type: config.type, kind, label });
    if ('repository' in source) expect(source.repository).not.toContain('hush');
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
