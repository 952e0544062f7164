import { describe, expect, it } from 'vitest';
import type { ConfigCopy } from './config-copy.ts';
import { recoverConfig, type RecoverOptions } from './recovered-config.ts';

const config = `# The tides; see \${file:not-this-one}
encryption: { passphrase: "\${env:PASSPHRASE}" }
stores:
  usb: { type: directory, path: /mnt/usb } # the second disk
schedules:
  - id: db
    source: { type: postgres, url: "postgres://app:\${file:/run/secrets/db}@h/\${env:DB}" }
    note: "$\${plain}"
  - id: other
    source: { type: mysql, url: "mysql://app:\${file:secrets/mysql}@h/\${env:DB}" }
`;
const copy: ConfigCopy = {
  formatVersion: 1,
  instance: 'harbour',
  savedAt: '2026-11-25T02:00:00Z',
  version: '1.0.0',
  store: 'usb',
  file: '/etc/lowtide.yaml',
  config,
  references: [
    { kind: 'file', name: '/run/secrets/db', value: 'hunter2' },
    { kind: 'env', name: 'DB', value: 'shop' },
    { kind: 'file', name: 'secrets/mysql', value: 'hunter3' },
  ],
  addedSchedules: [],
  pausedSchedules: [],
};
const options: RecoverOptions = { folder: '/srv/lowtide', has: () => false, newSecret: () => 'new' };

describe('a recovered config', () => {
  it('has what was known of its references in files of its own, and a new passphrase', () => {
    const recovered = recoverConfig(copy, options);
    expect(recovered.missing).toEqual([]);
    expect(recovered.files).toEqual([
      { path: 'data/recovered/env-PASSPHRASE', content: 'new' },
      { path: 'data/recovered/file-run-secrets-db', content: 'hunter2' },
      { path: 'data/recovered/env-DB', content: 'shop' },
      { path: 'secrets/mysql', content: 'hunter3' },
    ]);
    expect(recovered.text).toBe(
      config
        .replace('${env:PASSPHRASE}', '${file:data/recovered/env-PASSPHRASE}')
        .replace('${file:/run/secrets/db}', '${file:data/recovered/file-run-secrets-db}')
        .replaceAll('${env:DB}', '${file:data/recovered/env-DB}'),
    );
  });

  it('is left as it was where this host has what it refers to', () => {
    expect(recoverConfig(copy, { ...options, has: () => true })).toEqual({
      text: config,
      files: [],
      missing: [],
    });
  });

  it('names what nobody knows any more', () => {
    const { missing, text } = recoverConfig({ ...copy, references: [] }, options);
    expect(missing.map(({ name }) => name)).toEqual(['/run/secrets/db', 'DB', 'secrets/mysql']);
    expect(text).toContain('${file:/run/secrets/db}');
  });

  it('never writes two references into one file', () => {
    const twice = `a: "\${file:/run/x}"\nb: "\${file:/run-x}"\n`;
    const references = ['/run/x', '/run-x'].map((name) => ({ kind: 'file' as const, name, value: name }));
    const { files } = recoverConfig({ ...copy, config: twice, references }, options);
    expect(files.map(({ path, content }) => [path, content])).toEqual([
      ['data/recovered/file-run-x', '/run/x'],
      ['data/recovered/file-run-x-1', '/run-x'],
    ]);
  });

  it('finds the store where it is now, and keeps the comments', () => {
    const moved = recoverConfig(copy, {
      ...options,
      has: () => true,
      store: { type: 'directory', path: '/rescue' },
    });
    expect(moved.text).toBe(config.replace('/mnt/usb', '"/rescue"'));
    const same = recoverConfig(copy, {
      ...options,
      has: () => true,
      store: { type: 'directory', path: '/mnt/usb' },
    });
    expect(same.text).toBe(config);
  });
});
