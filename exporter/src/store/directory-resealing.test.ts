import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { steppingDisk } from '../../../test/crash/stepping-disk.ts';
import { namesIn, put, read, sampleBytes } from './conformance/bodies.ts';
import { DirectoryStore } from './directory.ts';
import type { Replacement, ReplacementResult } from './resealing.ts';

const signal = new AbortController().signal;
const payload = sampleBytes(70_000, 5);
const head = (length: number, seed: number): Buffer => sampleBytes(length, seed);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-reseal-'));
});
afterEach(() => rmSync(root, { recursive: true }));

interface Sample {
  readonly name: string;
  readonly oldHead: Buffer;
  readonly newHead: Buffer;
}

/** In place, with two parts, and with a head that grows: all that a group may hold but rewritten files. */
const samples: readonly (readonly Sample[])[] = [
  [{ name: 'a/one.age', oldHead: head(4080, 1), newHead: head(4080, 2) }],
  [
    { name: 'a/two.age', oldHead: head(4080, 3), newHead: head(4080, 4) },
    { name: 'a/two.globals.age', oldHead: head(200, 5), newHead: head(200, 6) },
  ],
  [{ name: 'b/three.age', oldHead: head(300, 7), newHead: head(4080, 8) }],
];

const manifestOf = ([first]: readonly Sample[]): string => `${first?.name ?? ''}.json`;
const replacement = (objects: readonly Sample[]): Replacement => ({
  objects,
  manifest: { name: manifestOf(objects), bytes: Buffer.from('new manifest') },
});
const replacements = samples.map(replacement);

/** Not through the store, whose flushes take their time and are not what is looked at here. */
function fill(): void {
  for (const objects of samples) {
    for (const { name, oldHead } of objects) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), Buffer.concat([oldHead, payload]));
    }
    writeFileSync(join(root, manifestOf(objects)), 'old manifest');
  }
}

/** `old` or `new`, and nothing in between; of what cannot be told, the reason. */
async function stateOf(store: DirectoryStore, objects: readonly Sample[]): Promise<string> {
  const states = new Set<string>();
  for (const { name, oldHead, newHead } of objects) {
    const bytes = await read(store, name);
    const is = (one: Buffer): boolean => bytes.equals(Buffer.concat([one, payload]));
    states.add(is(oldHead) ? 'old' : is(newHead) ? 'new' : `${name} torn`);
  }
  states.add((await read(store, manifestOf(objects))).toString().replace(' manifest', ''));
  return [...states].join(', ');
}

const statesOf = (store: DirectoryStore): Promise<string[]> =>
  Promise.all(samples.map((objects) => stateOf(store, objects)));

const journals = (): string[] =>
  readdirSync(root).includes('.lowtide') ? readdirSync(join(root, '.lowtide')) : [];

describe('replacing heads in a folder', () => {
  it('replaces each with its manifest, leaves the rest of the file and its times, and hides the journal', async () => {
    const store = new DirectoryStore('local', root);
    fill();
    utimesSync(join(root, 'a/one.age'), 1_000_000, 2_000_000);
    utimesSync(join(root, 'b/three.age'), 1_000_000, 3_000_000);
    const names = await namesIn(store, '');
    const inode = statSync(join(root, 'a/one.age')).ino;
    const results = await store.resealing.replaceHeads(replacements, { signal });
    expect(results).toEqual(samples.map(() => ({ status: 'replaced' })));
    expect(await statesOf(store)).toEqual(['new', 'new', 'new']);
    expect(statSync(join(root, 'a/one.age')).ino).toBe(inode);
    expect(statSync(join(root, 'a/one.age')).mtimeMs).toBe(2e9);
    expect(statSync(join(root, 'b/three.age')).mtimeMs).toBe(3e9);
    expect(await namesIn(store, '')).toEqual(names);
    expect(await store.sweep('')).toEqual([]);
    expect(journals()).toEqual([]);
  });

  it('skips what is protected or is not what it was taken for, and goes on with the rest', async () => {
    const store = new DirectoryStore('local', root);
    const path = join(root, 'a/two.globals.age');
    const cases: [string, () => void][] = [
      ['linked', () => linkSync(path, join(root, 'snapshot'))],
      ['read_only', () => chmodSync(path, 0o400)],
      ['changed', () => writeFileSync(path, 'x'.repeat(300))],
      ['missing', () => rmSync(path)],
      ['read_only', () => chmodSync(`${join(root, 'a/two.age')}.json`, 0o400)],
    ];
    for (const [reason, spoil] of cases) {
      fill();
      spoil();
      const before = readFileSync(join(root, 'a/two.age'));
      const results = await store.resealing.replaceHeads(replacements, { signal });
      const text = (result: ReplacementResult | undefined): string =>
        result?.status === 'skipped' ? result.reason : 'replaced';
      expect(results.map(text)).toEqual(['replaced', reason, 'replaced']);
      expect(readFileSync(join(root, 'a/two.age')).equals(before)).toBe(true);
      expect((await read(store, 'a/two.age.json')).toString()).toBe('old manifest');
      const protectedBy = await store.resealing.protection([
        'a/two.age',
        'a/two.globals.age',
        'a/two.age.json',
      ]);
      if (reason !== 'changed') expect(protectedBy?.reason).toBe(reason);
      rmSync(join(root, 'snapshot'), { force: true });
      rmSync(path, { force: true });
      rmSync(`${join(root, 'a/two.age')}.json`);
    }
  });

  it('stops between two groups when it is told to', async () => {
    const store = new DirectoryStore('local', root);
    fill();
    const stop = AbortSignal.abort(new Error('stop'));
    await expect(store.resealing.replaceHeads(replacements, { signal: stop })).rejects.toThrow('stop');
    expect(await statesOf(store)).toEqual(['old', 'old', 'old']);
  });

  it('gives a rewritten file the place of the old one, with its manifest', async () => {
    const store = new DirectoryStore('local', root);
    fill();
    const [sample] = samples[0] ?? [];
    const rewritten = await rewrite(store, sample!);
    await store.resealing.replaceHeads(
      [{ ...replacement([sample!]), objects: [{ ...sample!, rewritten }] }],
      {
        signal,
      },
    );
    expect(await stateOf(store, [sample!])).toBe('new');
    expect(await store.sweep('')).toEqual([]);
  });

  it('keeps nothing of a rewriting that is given up, or too short', async () => {
    const store = new DirectoryStore('local', root);
    fill();
    {
      await using rewriting = await store.resealing.rewrite('a/one.age', 100);
      writeSync(rewriting.target.fd, 'half');
      await expect(rewriting.keep()).rejects.toMatchObject({
        message: expect.stringContaining('4 bytes') as string,
      });
    }
    expect(await store.sweep('')).toEqual([]);
    expect(await statesOf(store)).toEqual(['old', 'old', 'old']);
  });
});

async function rewrite(store: DirectoryStore, { name, newHead }: Sample): Promise<string> {
  const content = Buffer.concat([newHead, payload]);
  await using rewriting = await store.resealing.rewrite(name, content.length);
  writeSync(rewriting.target.fd, content);
  return await rewriting.keep();
}

/** Replaces all heads on a disk that hears of each step from number `at` on; gives the first of these, and how it went. */
async function replacedOn(
  at: number,
  from: (step: string) => void,
): Promise<{ readonly step: string | undefined; readonly refusal: unknown }> {
  let count = 0;
  let step: string | undefined;
  const disk = steppingDisk(root, (what) => {
    count += 1;
    if (count < at) return;
    step ??= what;
    from(what);
  });
  const [first, ...rest] = replacements;
  const [sample] = samples[0] ?? [];
  // Made on a disk of its own: its steps are those of any new file.
  const rewritten = at % 2 === 0 ? await rewrite(new DirectoryStore('local', root), sample!) : undefined;
  const group =
    rewritten === undefined ? replacements : [{ ...first!, objects: [{ ...sample!, rewritten }] }, ...rest];
  const refusal: unknown = await new DirectoryStore('local', root, disk).resealing
    .replaceHeads(group, { signal })
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  return { step, refusal };
}

/** To the disk a process is dead from the step on at which all its steps fail, those that clean up as well. */
function dead(): never {
  throw new Error('the process is dead');
}

describe('a process that dies while it replaces heads', () => {
  it('at any step leaves each backup as it was, or is finished by the next', async () => {
    const outcomes: string[] = [];
    for (let at = 1, over = 0; over < 2; at += 1) {
      fill();
      const { step } = await replacedOn(at, dead);
      if (step === undefined) {
        over += 1;
        continue;
      }
      const next = new DirectoryStore('local', root);
      await next.resealing.finish();
      const states = await statesOf(next);
      for (const state of states) expect(['old', 'new'], `${step}: ${states.join('; ')}`).toContain(state);
      expect(new Set(states).size, step).toBe(1);
      outcomes.push(states[0] ?? '');
      expect(journals(), step).toEqual([]);
      await next.resealing.finish();
      expect(await statesOf(next), step).toEqual(states);
      await next.sweep('');
      rmSync(root, { recursive: true });
    }
    expect(outcomes.filter((state) => state === 'new').length).toBeGreaterThan(15);
    expect(outcomes.filter((state) => state === 'old').length).toBeGreaterThan(10);
  });

  it('and dies again while it finishes, is finished by the one after', async () => {
    let deaths = 0;
    for (let at = 1; ; at += 1) {
      fill();
      let overwrites = 0;
      const dying = steppingDisk(root, (step) => {
        overwrites += Number(step.startsWith('overwrite on'));
        if (overwrites > 1) dead();
      });
      const first = new DirectoryStore('local', root, dying).resealing;
      await expect(first.replaceHeads(replacements, { signal })).rejects.toThrow('dead');
      let count = 0;
      const dyingAgain = steppingDisk(root, () => {
        count += 1;
        if (count >= at) dead();
      });
      const finished = await new DirectoryStore('local', root, dyingAgain).resealing.finish().then(
        () => true,
        () => false,
      );
      if (finished) break;
      deaths += 1;
      const next = new DirectoryStore('local', root);
      await next.resealing.finish();
      expect(await statesOf(next), `step ${at}`).toEqual(['new', 'new', 'new']);
      expect(journals()).toEqual([]);
      rmSync(root, { recursive: true });
    }
    expect(deaths).toBeGreaterThan(10);
  });
});

describe('a disk that refuses while heads are replaced', () => {
  it.each([
    ['ENOSPC', 'store_full'],
    ['EIO', 'store_unavailable'],
  ])('with %s at any step says %s, and leaves each backup as it was or to be finished', async (code, as) => {
    const plain = new DirectoryStore('local', root);
    const touched: string[] = [];
    for (let at = 1, over = 0; over < 2; at += 1) {
      fill();
      let failed = false;
      const { step, refusal } = await replacedOn(at, () => {
        if (failed) return;
        failed = true;
        throw Object.assign(new Error(code), { code, syscall: 'test' });
      });
      if (step === undefined) {
        over += 1;
        continue;
      }
      expect(refusal, step).toMatchObject({ code: as });
      if (journals().length > 0) touched.push(step);
      else expect(await statesOf(plain), step).toSatisfy((states: string[]) => new Set(states).size === 1);
      await plain.resealing.finish();
      const states = await statesOf(plain);
      expect(new Set(states).size, `${step}: ${states.join('; ')}`).toBe(1);
      expect(['old', 'new'], step).toContain(states[0]);
      rmSync(root, { recursive: true });
    }
    // All that needs room on the disk comes before the first touch.
    expect(
      touched.filter((step) => /^(create|write|sync|link)/.test(step) && !/^sync folder [ab.]/.test(step)),
    ).toEqual([]);
    expect(touched.length).toBeGreaterThan(5);
  });
});

describe('a journal that is stale', () => {
  it('touches nothing that has changed since, and no manifest of what is gone', async () => {
    const store = new DirectoryStore('local', root);
    fill();
    const dying = steppingDisk(root, (step) => {
      if (step.startsWith('overwrite')) dead();
    });
    const resealing = new DirectoryStore('local', root, dying).resealing;
    await expect(resealing.replaceHeads(replacements, { signal })).rejects.toThrow('dead');
    expect(journals()).toHaveLength(1);
    await store.delete('a/one.age');
    await store.delete('a/one.age.json');
    const resealed = Buffer.concat([head(4080, 99), payload]);
    await put(store, 'a/two.age', resealed, { replace: true });
    await store.resealing.finish();
    expect(await store.stat('a/one.age.json')).toBeUndefined();
    expect((await read(store, 'a/two.age')).equals(resealed)).toBe(true);
    expect((await read(store, 'a/two.age.json')).toString()).toBe('old manifest');
    expect(await stateOf(store, samples[2]!)).toBe('new');
    expect(journals()).toEqual([]);
  });

  it('that is torn, or damaged, is taken for none; a damaged one is put aside', async () => {
    const store = new DirectoryStore('local', root);
    fill();
    await store.resealing.replaceHeads(replacements, { signal });
    const journal = join(root, '.lowtide', '0.journal');
    writeFileSync(journal, 'torn');
    writeFileSync(`${journal}.partial`, '');
    await store.resealing.finish();
    expect(journals()).toEqual(['0.journal.damaged']);
    expect(await statesOf(store)).toEqual(['new', 'new', 'new']);
  });
});
