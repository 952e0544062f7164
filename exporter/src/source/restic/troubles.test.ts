import { describe, expect, it } from 'vitest';
import { isDamage, resticFailure } from './troubles.ts';

const end = (exitCode: number, stderr = '') => ({ program: 'restic', exitCode, signal: null, stderr });

describe('a restic that says no', () => {
  it.each([
    ['Fatal: wrong password or no key found', 'repository_denied', false],
    [
      'Fatal: unable to open config file: stat /srv/r/config: no such file or directory\nIs there a repository',
      'repository_missing',
      false,
    ],
    [
      'Fatal: unable to open config file: Stat: The specified key does not exist: NoSuchKey',
      'repository_missing',
      false,
    ],
    [
      'Fatal: unable to open config file: client.Head: dial tcp 127.0.0.1:1: connect: connection refused\nIs there a repository',
      'store_unavailable',
      true,
    ],
    [
      'unable to create lock in backend: repository is already locked exclusively by PID 10888 on vm by root',
      'repository_locked',
      true,
    ],
    ['Save(<data/d51f0acd7b>) returned error: write: no space left on device', 'store_full', false],
    ['open /srv/r/keys: permission denied', 'repository_denied', false],
    ['Fatal: something else', 'source_failed', false],
  ])('is understood: %s', (stderr, code, retryable) => {
    expect(resticFailure(end(1, stderr))).toMatchObject({ code, retryable });
  });

  it.each([
    [10, 'repository_missing'],
    [11, 'repository_locked'],
    [12, 'repository_denied'],
  ])('is understood by its exit code from 0.17 on: %i', (exitCode, code) => {
    expect(resticFailure(end(exitCode, 'Fatal: in words of its own'))).toMatchObject({ code });
  });

  it('has found damage, or was kept from looking', () => {
    expect(isDamage(end(1, 'Pack ID does not match, want a, got b\nFatal: repository contains errors'))).toBe(
      true,
    );
    expect(isDamage(end(1, 'unable to create lock in backend: repository is already locked'))).toBe(false);
    expect(isDamage(end(1, 'Fatal: wrong password or no key found'))).toBe(false);
  });
});
