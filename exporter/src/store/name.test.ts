import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkObjectName, checkObjectPrefix, isObjectName, objectOfPartial, partialName } from './name.ts';

const uuid = '0e9a5a5c-2f57-4d0c-9f0e-0a1b2c3d4e5f';

describe('the name of an object', () => {
  it.each([
    'a',
    '0',
    '_',
    '-',
    'a/b/c',
    'db-prod/2026-11-25T02.30.00Z_01.pgdump.zst.age',
    'db-prod/run-1.zst.age.json',
    'partial',
    'a.partial/b',
    'x'.repeat(200),
    `${'x'.repeat(199)}/${'y'.repeat(200)}/${'z'.repeat(111)}`,
  ])('may be %s', (name) => {
    checkObjectName(name);
    checkObjectPrefix(name);
    expect(isObjectName(name)).toBe(true);
  });

  it.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/..',
    '../a',
    'a/../b',
    '.a',
    'a/.b',
    'a.',
    'a./b',
    'a\\b',
    'a b',
    'a\nb',
    'a\n',
    'a\0',
    'ä',
    'a%2e',
    'a:b',
    'a.partial',
    '.partial',
    `a.${uuid}.partial`,
    'x'.repeat(201),
    `${'x'.repeat(199)}/${'y'.repeat(200)}/${'z'.repeat(112)}`,
  ])('may not be %j', (name) => {
    expect(isObjectName(name)).toBe(false);
    expect(() => checkObjectName(name)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: `"${name}" cannot name an object in a store`,
        hint: expect.stringContaining('neither start nor end with a dot') as string,
      }),
    );
  });

  it('never leads out of the folder it is put behind', () => {
    const part = fc.constantFrom('a', 'b-c', '.', '..', '...', '', '/', '\\', '%2e', 'x.y', '~', '\0');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const name = parts.join('/');
        if (!isObjectName(name)) return;
        expect(new URL(name, 'http://host/root/').href).toBe(`http://host/root/${name}`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a prefix', () => {
  it('may be any beginning of any name', () => {
    const segment = fc.stringMatching(/^[a-c_-]([a-c._-]{0,8}[a-c_-])?$/);
    const names = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(names, fc.nat(), (name, cut) => {
        const prefix = name.slice(0, cut % (name.length + 1));
        expect(() => checkObjectPrefix(prefix)).not.toThrow();
      }),
    );
  });

  it.each([
    '/',
    '//',
    '/a',
    'a//',
    '.',
    '..',
    '../',
    './',
    'a/.',
    'a/../',
    'a./b',
    'a b',
    'a\n',
    'x'.repeat(201),
  ])('may not be %j', (prefix) => {
    expect(() => checkObjectPrefix(prefix)).toThrow(
      expect.objectContaining({ code: 'usage', message: `no object's name can start with "${prefix}"` }),
    );
  });
});

describe('an unfinished write', () => {
  it('is called after its object, so that it can be told whose it is, and is no object itself', () => {
    for (const name of ['a', 'db-prod/one.zst.age', `a.${uuid}`, 'x'.repeat(200)]) {
      const partial = partialName(name, uuid);
      expect(partial).toBe(`${name}.${uuid}.partial`);
      expect(objectOfPartial(partial)).toBe(name);
      expect(isObjectName(partial)).toBe(false);
      expect(partial.split('/').every((segment) => segment.length <= 255)).toBe(true);
    }
  });

  it.each([
    'a',
    'a.partial',
    'a.json',
    `a.${uuid}`,
    `${uuid}.partial`,
    `.${uuid}.partial`,
    `a.${uuid.toUpperCase()}.partial`,
    `a.${uuid.slice(1)}.partial`,
    `a.${uuid}.partial2`,
    `a b.${uuid}.partial`,
    `a.partial.${uuid}.partial`,
    `../a.${uuid}.partial`,
  ])('is not %s', (name) => {
    expect(objectOfPartial(name)).toBeUndefined();
  });
});
