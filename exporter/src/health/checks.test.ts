import { describe, expect, it } from 'vitest';
import {
  checkCatalog,
  checkDiskSpace,
  checkEncryption,
  checkScheduler,
  checkSources,
  checkCopies,
  checkStores,
} from './checks.ts';
import type { WatchedClock, WatchedSchedule, WatchedStore } from './facts.ts';
import type { HealthCheck } from './health.ts';

const GiB = 2 ** 30;
const noon = Date.UTC(2026, 2, 3, 12);

describe('the check of disk_space', () => {
  it.each([
    ['there is room', 50, 100, 10, true, '50 GiB of 100 GiB are free at /srv.'],
    ['exactly one more fits', 10, 100, 10, true, '10 GiB of 100 GiB are free at /srv.'],
    [
      'one more would not fit',
      9,
      100,
      10,
      false,
      'Only 9 GiB of 100 GiB are free at /srv, the largest backup takes 10 GiB.',
    ],
    ['95 % are in use', 5, 100, 1, false, 'Only 5 GiB of 100 GiB are free at /srv.'],
    ['nothing is free', 0, 100, 0, false, 'Only 0 B of 100 GiB are free at /srv.'],
    ['the file system tells no size', 0, 0, 0, true, '0 B of 0 B are free at /srv.'],
  ])('when %s', (_, free, total, needed, ok, message) => {
    const space = { path: '/srv', freeBytes: free * GiB, totalBytes: total * GiB };
    const check = checkDiskSpace(space, needed * GiB);
    expect(check).toMatchObject({ type: 'disk_space', ok, message });
    expect(check.hint !== undefined).toBe(!ok);
  });
});

describe('the check of sources', () => {
  it('names those that could not be dumped, and what helps', () => {
    expect(checkSources([{ schedule: 'db' }])).toEqual({
      type: 'sources',
      ok: true,
      message: 'Every source can be dumped.',
    });
    const trouble = { message: 'there is no folder /srv', hint: 'Mount it.' };
    expect(checkSources([{ schedule: 'db' }, { schedule: 'files', trouble }])).toEqual({
      type: 'sources',
      ok: false,
      message: 'files: there is no folder /srv.',
      hint: 'Mount it.',
    });
  });
});

describe('the check of stores', () => {
  const up: WatchedStore = { id: 'local', provider: 'local', lastCheck: { up: true, at: noon } };
  const down: WatchedStore = {
    id: 'offsite',
    provider: 'aws',
    lastCheck: { up: false, at: noon, error: 'no route to host' },
  };
  const unchecked: WatchedStore = { id: 'new', provider: 'azure' };
  it.each([
    ['all answer', [up], true, 'All stores answer.'],
    ['one was not asked yet', [up, unchecked], true, 'Not checked yet: new.'],
    ['one is down', [up, down, unchecked], false, 'offsite cannot be used: no route to host.'],
    ['there are none', [], true, 'All stores answer.'],
  ])('when %s', (_, stores, ok, message) => {
    expect(checkStores(stores)).toMatchObject({ type: 'stores', ok, message });
  });
});

describe('the check of scheduler', () => {
  const schedule = (id: string, nextRunAt: number | undefined): WatchedSchedule => ({
    id,
    type: 'files',
    intervalSeconds: 3600,
    maxDelayMs: 3_600_000,
    ...(nextRunAt !== undefined && { nextRunAt }),
  });
  it.each([
    [
      'all are to come',
      [schedule('a', noon + 1)],
      true,
      'No schedule is overdue, and the clock goes steadily.',
    ],
    [
      'one is late, as it may be',
      [schedule('a', noon - 3_600_000)],
      true,
      'No schedule is overdue, and the clock goes steadily.',
    ],
    [
      'one is paused',
      [schedule('a', undefined)],
      true,
      'No schedule is overdue, and the clock goes steadily.',
    ],
    [
      'one is later than it may be',
      [schedule('a', noon), schedule('b', noon - 5_400_999)],
      false,
      'b was due at 2026-03-03T10:29:59.001Z, 1h30m ago.',
    ],
  ])('when %s', (_, schedules, ok, message) => {
    expect(checkScheduler(schedules, {}, noon)).toMatchObject({ type: 'scheduler', ok, message });
  });

  const hour = 3_600_000;
  it.each<[string, WatchedClock, string | undefined]>([
    ['was set back', { jump: { at: noon - hour, byMs: -90 * 60_000 } }, 'back by 1h30m at 2026-03-03T11:00'],
    ['was set forward', { jump: { at: noon, byMs: 120_000 } }, 'forward by 2m at'],
    ['was set long ago', { jump: { at: noon - hour - 1, byMs: 2 * hour } }, undefined],
    ['was set by a clock ahead of now', { jump: { at: noon + 1, byMs: 2 * hour } }, undefined],
    ['stands behind what is on record', { lastEventAt: noon + 301_000 }, 'on record for 2026-03-03T12:05:01'],
    ['agrees with another host', { lastEventAt: noon + 299_000 }, undefined],
  ])('when the clock %s', (_, clock, message) => {
    const check = checkScheduler([], clock, noon);
    expect(check.ok).toBe(message === undefined);
    if (message === undefined) return;
    expect(check.message).toContain(message);
    expect(check.hint).toContain('NTP');
  });
});

const ofKeystore = (findings: readonly string[]): HealthCheck =>
  checkEncryption({ keystore: findings, age: [] });
const ofKeyAge = (findings: readonly string[]): HealthCheck =>
  checkEncryption({ keystore: [], age: findings });

it('the check of encryption tells to rotate where only the age of the key is wrong', () => {
  expect(ofKeyAge(['x']).hint).toContain('lowtide rotate');
  expect(ofKeystore(['x']).hint).not.toContain('rotate');
  expect(checkEncryption({ keystore: ['x'], age: ['y'] })).toMatchObject({ message: 'x. y.' });
  expect(checkEncryption({ keystore: [], age: [], isUnused: true })).toMatchObject({ ok: true });
});

describe.each([
  ['encryption', ofKeystore],
  ['encryption', ofKeyAge],
  ['catalog', checkCatalog],
])('the check of %s', (type, check) => {
  it('is good without findings, and else tells each of them and what to do', () => {
    expect(check([])).toMatchObject({ type, ok: true });
    expect(check([])).not.toHaveProperty('hint');
    const bad = check(['this is wrong', 'So is that.']);
    expect(bad).toMatchObject({ type, ok: false, message: 'this is wrong. So is that.' });
    expect(bad.hint).toMatch(/\.$/);
  });
});

describe('the copies in the stores', () => {
  const day = 86_400_000;
  it.each<[string, Parameters<typeof checkCopies>[0], boolean, RegExp]>([
    ['known of none', {}, true, /^No copy is known to be missing or damaged\.$/],
    ['none waits', { offsite: { copies: 0 } }, true, /^No copy is known/],
    [
      'one waits for an hour',
      { local: { copies: 0 }, offsite: { copies: 1, since: 9 * day } },
      true,
      /^1 copy has waited to be made good in store offsite, for up to 1h\.$/,
    ],
    ['exactly a day', { offsite: { copies: 2, since: 8 * day + 3_600_000 } }, true, /^2 copies have/],
    [
      'longer, in one of two stores',
      { local: { copies: 3, since: 9 * day }, offsite: { copies: 2, since: 7 * day } },
      false,
      /^2 copies have waited to be made good in store offsite, for up to 2d1h\.$/,
    ],
  ])('%s', (_, waiting, ok, message) => {
    const check = checkCopies(waiting, 9 * day + 3_600_000);
    expect(check).toMatchObject({ type: 'copies', ok, message: expect.stringMatching(message) as string });
    expect(check.hint === undefined).toBe(ok);
  });
});
