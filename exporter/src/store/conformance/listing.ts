import assert from 'node:assert/strict';
import {
  StalledBody,
  assertHolds,
  assertLacks,
  assertNothingLeft,
  assertRefused,
  namesIn,
  put,
  sampleBytes,
} from './bodies.ts';
import { law, type StoreLaw } from './law.ts';

const bytes = sampleBytes(1000);

const escaping = [
  '',
  '/',
  '/etc/passwd',
  '..',
  '../outside',
  'a/../../outside',
  'a/..',
  './a',
  'a/./b',
  'a//b',
  'a/',
  '.hidden',
  'a/.hidden',
  'trailing.',
  'trailing./a',
  'back\\slash',
  'nul\u0000byte',
  'line\nbreak',
  'white space',
  'ümlaut',
  'a%2fb',
  'a?b',
  'a*b',
  'C:a',
  'x.partial',
  'a/x.partial',
  'x'.repeat(201),
  `${'x'.repeat(100)}/`.repeat(6),
];

export const listingLaws: readonly StoreLaw[] = [
  law('lists by prefix, in name order, with what stat says', async ({ store, elsewhere, folder }) => {
    const names = [
      'a',
      'a-b',
      'a.b',
      'a0',
      'ab/c',
      'ab/c.json',
      'ab-c/d',
      'ab/d/e/f',
      'Z',
      'a_b',
      'b/a',
      'b-/a',
    ].map((name) => `${folder}${name}`);
    for (const name of names) await put(store, name, sampleBytes(name.length));
    const prefixes = [
      '',
      'a',
      'ab',
      'ab/',
      'ab/c',
      'ab/d',
      'ab/d/',
      'ab/d/e',
      'ab-',
      'a.',
      'b',
      'b/',
      'c',
      'c/d/',
    ];
    for (const prefix of prefixes.map((start) => `${folder}${start}`)) {
      const expected = names.filter((name) => name.startsWith(prefix)).sort();
      assert.deepEqual(await namesIn(elsewhere, prefix), expected, `names that start with ${prefix}`);
    }
    for await (const listed of store.list(folder)) {
      const facts = await store.stat(listed.name);
      assert.equal(listed.sizeBytes, listed.name.length);
      assert.ok(facts !== undefined);
      assert.equal(facts.sizeBytes, listed.sizeBytes);
      // Some stores tell whole seconds in one place and milliseconds in the other.
      assert.ok(Math.abs(facts.modifiedAt - listed.modifiedAt) <= 1000);
    }
  }),
  law('lists what begins within a folder of many names only', async ({ store, folder }) => {
    await put(store, `${folder}db/run-1`, bytes);
    await put(store, `${folder}db-prod/run-1`, bytes);
    assert.deepEqual(await namesIn(store, `${folder}db/`), [`${folder}db/run-1`]);
    assert.deepEqual(await namesIn(store, `${folder}d`), [`${folder}db-prod/run-1`, `${folder}db/run-1`]);
  }),
  law('shows nothing of an object before it is whole', async ({ store, elsewhere, folder }) => {
    const name = `${folder}db-prod/slow`;
    const body = new StalledBody(sampleBytes(6 * 1024 * 1024), bytes);
    const writing = put(store, name, body);
    await Promise.race([body.stalled, writing]);
    for (const view of [store, elsewhere]) {
      await assertLacks(view, name);
      assert.deepEqual(await namesIn(view, folder), []);
    }
    body.finish();
    await writing;
    assert.deepEqual(await namesIn(elsewhere, folder), [name]);
  }),
  law(
    'forgets a deleted object everywhere, and lets its name be used again',
    async ({ store, elsewhere, folder }) => {
      const name = `${folder}db-prod/one`;
      for (let round = 1; round <= 3; round += 1) {
        await put(store, name, sampleBytes(round));
        await elsewhere.delete(name);
        await assertLacks(store, name);
        await store.delete(name);
      }
      await assertNothingLeft(store, folder);
    },
  ),
  law('deletes one object and no other', async ({ store, folder }) => {
    const names = ['a', 'a.json', 'a-b', 'b/a', 'b/a.json'].map((name) => `${folder}${name}`);
    for (const name of names) await put(store, name, bytes);
    await store.delete(`${folder}a`);
    await store.delete(`${folder}b/a`);
    assert.deepEqual(await namesIn(store, folder), [`${folder}a-b`, `${folder}a.json`, `${folder}b/a.json`]);
  }),
  law(
    'sweeps away neither objects nor a running write of another name',
    async ({ store, elsewhere, folder }) => {
      const [mine, others] = [`${folder}db-prod/run-2`, `${folder}db-prod/run-1`];
      await put(store, `${mine}.done`, bytes);
      const body = new StalledBody(sampleBytes(6 * 1024 * 1024), bytes);
      const writing = put(store, others, body);
      await Promise.race([body.stalled, writing]);
      assert.deepEqual(await elsewhere.sweep(mine), []);
      assert.deepEqual(await elsewhere.sweep(`${folder}files/`), []);
      body.finish();
      await writing;
      await assertHolds(store, others, Buffer.concat([sampleBytes(6 * 1024 * 1024), bytes]));
      await assertHolds(store, `${mine}.done`, bytes);
    },
  ),
  law(
    'refuses names that could leave it, hide in it, or mean something else elsewhere',
    async ({ store }) => {
      for (const name of escaping) {
        const attempts: (() => unknown)[] = [
          () => put(store, name, bytes),
          () => put(store, name, bytes, { replace: true }),
          () => Array.fromAsync(store.get(name, { signal: new AbortController().signal })),
          () => store.stat(name),
          () => store.delete(name),
          () => store.locate(name),
        ];
        for (const attempt of attempts) await assertRefused(Promise.try(attempt), 'usage');
      }
    },
  ),
  law('refuses to list or sweep what no name starts with', async ({ store }) => {
    for (const prefix of ['/', '../', '..', 'a/../', './', 'a//', '.', 'a/.', 'a b', '/etc/', 'a\\']) {
      await assertRefused(namesIn(store, prefix), 'usage');
      await assertRefused(store.sweep(prefix), 'usage');
    }
  }),
  law('says where a person finds each object', async ({ store, folder }) => {
    await Promise.resolve();
    const places = [`${folder}a`, `${folder}b/a`, `${folder}b/a.json`].map((name) => store.locate(name));
    for (const place of places) assert.match(place, /^(\/|[a-z][a-z0-9+.-]*:\/\/)\S+$/);
    assert.equal(new Set(places).size, places.length);
  }),
  law('knows how much room is left, or that there is no such thing', async ({ store }) => {
    const space = await store.space();
    if (space === undefined) return;
    assert.ok(space.freeBytes >= 0 && space.freeBytes <= space.totalBytes, JSON.stringify(space));
    assert.ok(space.totalBytes > 0);
  }),
];
