import { describe, expect, it } from 'vitest';
import { parseStoreLocation } from './store-location.ts';

describe('a store that no config names', () => {
  it('is a folder', () => {
    expect(parseStoreLocation('/mnt/rescue').config).toEqual({ type: 'directory', path: '/mnt/rescue' });
  });

  it('is a bucket, with the keys of the config', () => {
    const location = parseStoreLocation(
      's3://acme/hosts/db%201/?region=eu-west-1&endpoint=https%3A%2F%2Fminio.example.com&path_style=true',
    );
    expect(location.config).toMatchObject({
      ...{ type: 's3', bucket: 'acme', prefix: 'hosts/db 1', region: 'eu-west-1' },
      ...{ endpoint: 'https://minio.example.com', path_style: true, provider: 'aws' },
    });
    expect(parseStoreLocation('s3://acme').config).toMatchObject({
      bucket: 'acme',
      prefix: '',
      path_style: false,
    });
  });

  it('is a container', () => {
    expect(
      parseStoreLocation('azure://backups/hosts/db1?account=acme&access_tier=Cool').config,
    ).toMatchObject({
      ...{ type: 'azure', container: 'backups', prefix: 'hosts/db1', account: 'acme', access_tier: 'Cool' },
    });
    expect(parseStoreLocation('azure://backups').config).toMatchObject({ container: 'backups', prefix: '' });
  });

  it.each([
    ['azure://', 'Write azure://'],
    ['azure://backups?account_key=hunter2', 'AZURE_STORAGE_CONNECTION_STRING'],
    ['azure://backups?sas_token=hunter2', 'Credentials come from the environment'],
    ['ftp://acme', 'Give a folder'],
    ['s3://', 'Write s3://'],
    ['s3://id:hunter2@acme', 'Write s3://'],
    ['s3://acme?secret_access_key=hunter2', 'Credentials come from the environment'],
    ['s3://acme?colour=blue', 'colour'],
  ])('is not %s', (text, hint) => {
    expect(() => parseStoreLocation(text)).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining(hint) as string }),
    );
  });
});
