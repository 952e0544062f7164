import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter, Encrypter } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../exporter/src/seal/identity.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { seal } from '../../exporter/src/seal/seal.ts';
import { collect, inPieces, never, openWhole, sealWhole, sha256 } from '../conformance/sealed.ts';

const MiB = 2 ** 20;
const chunk = 64 * 1024;
const noise = randomBytes(20 * MiB + 12_345);
const pool = createSealPool({ threads: 2 });

interface Key {
  readonly identity: string;
  readonly recipient: string;
  /** The identity in a file, for the command. */
  readonly path: string;
}

let folder: string;
let first: Key;
let second: Key;
let stranger: Key;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-seal-age-'));
  [first, second, stranger] = await Promise.all([newKey('first'), newKey('second'), newKey('stranger')]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await pool[Symbol.asyncDispose]();
});

async function newKey(name: string): Promise<Key> {
  const identity = await generateIdentity('x25519');
  const path = join(folder, `${name}.txt`);
  writeFileSync(path, `${identity}\n`, { mode: 0o600 });
  return { identity, recipient: await recipientOf(identity), path };
}

/** Runs stock age on a file of these bytes; what it says on standard error goes into the failure. */
function age(args: readonly string[], input: Uint8Array): Buffer {
  const path = join(folder, 'input');
  writeFileSync(path, input);
  const { status, stdout, stderr, error } = spawnSync('age', [...args, path], { maxBuffer: 64 * MiB });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`age ended with ${status}: ${stderr.toString()}`);
  return stdout;
}

const sizes = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, MiB - 1, MiB, MiB + 1, noise.length];

describe('stock age', () => {
  it.each(sizes)('opens our file of %i bytes, and we open its', async (size) => {
    const plain = noise.subarray(0, size);
    const ours = await sealWhole(plain, [first.recipient], pool);
    expect(plain.equals(age(['-d', '-i', first.path], ours.bytes))).toBe(true);
    const theirs = age(['-r', first.recipient], plain);
    const opened = await openWhole(inPieces(theirs, 100_000), [first.identity], pool);
    expect(plain.equals(opened.bytes)).toBe(true);
    expect(opened.summary).toMatchObject({ plainBytes: size, plainSha256: sha256(plain) });
  });

  it('opens our file with each of its recipients, whose header is padded to a page', async () => {
    const plain = noise.subarray(0, 3 * chunk);
    const { bytes, summary } = await sealWhole(plain, [first.recipient, second.recipient], pool);
    expect(summary.headerBytes).toBe(4080);
    for (const key of [first, second]) expect(plain.equals(age(['-d', '-i', key.path], bytes))).toBe(true);
    expect(() => age(['-d', '-i', stranger.path], bytes)).toThrow(/no identity matched/);
  });

  it('opens our file for as many recipients as fit into the page, and for more', async () => {
    const others = await Promise.all(
      Array.from({ length: 45 }, async () => await recipientOf(await generateIdentity('x25519'))),
    );
    const plain = Buffer.from('all of us');
    for (const count of [2, 20, 39, 40, 45]) {
      const { bytes } = await sealWhole(plain, [...others.slice(0, count - 1), first.recipient], pool);
      expect(plain.equals(age(['-d', '-i', first.path], bytes))).toBe(true);
    }
  });

  it('makes files for several recipients that each of them opens here', async () => {
    const plain = noise.subarray(0, 100_000);
    const theirs = age(['-r', first.recipient, '-r', second.recipient], plain);
    for (const key of [first, second]) {
      const { bytes } = await openWhole(inPieces(theirs), [stranger.identity, key.identity], pool);
      expect(plain.equals(bytes)).toBe(true);
    }
    await expect(openWhole(inPieces(theirs), [stranger.identity], pool)).rejects.toMatchObject({
      code: 'no_identity_match',
    });
  });

  it('and we refuse the same damage', async () => {
    const { bytes } = await sealWhole(noise.subarray(0, 3 * chunk + 5), [first.recipient], pool);
    const damaged = [0, 300, 4079, 4080, 4096, 4096 + chunk, bytes.length - 1].map((at) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      return changed;
    });
    damaged.push(
      bytes.subarray(0, -1),
      bytes.subarray(0, 4096 + chunk + 16),
      Buffer.concat([bytes, Buffer.from([0])]),
    );
    for (const file of damaged) {
      expect(() => age(['-d', '-i', first.path], file)).toThrow(/age ended with 1/);
      await expect(openWhole(inPieces(file), [first.identity], pool)).rejects.toMatchObject({
        code: expect.stringMatching(/^(header|payload)_invalid$/) as string,
      });
    }
  });

  it('reads from us through a pipe while we seal', async () => {
    const path = join(folder, 'plain');
    writeFileSync(path, noise);
    const child = spawn('age', ['-d', '-i', first.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const opened = collect(child.stdout as AsyncIterable<Uint8Array>);
    const sealing = seal(openSync(path, 'r'), [first.recipient], { pool, signal: never });
    for await (const piece of sealing) child.stdin.write(piece);
    child.stdin.end();
    expect(sha256(await opened)).toBe((await sealing.summary).plainSha256);
  });
});

describe.each(['x25519', 'hybrid'] as const)('typage, with %s keys', (kind) => {
  let identities: string[];
  let recipients: string[];
  beforeAll(async () => {
    identities = await Promise.all([1, 2].map(() => generateIdentity(kind)));
    recipients = await Promise.all(identities.map(recipientOf));
  });

  // Its stream does a twelfth of ours: small files do.
  it.each([0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, MiB + 1])(
    'opens our file of %i bytes, and we open its',
    async (size) => {
      const plain = noise.subarray(0, size);
      const ours = await sealWhole(plain, recipients, pool);
      const encrypter = new Encrypter();
      for (const recipient of recipients) encrypter.addRecipient(recipient);
      const theirs = await encrypter.encrypt(plain);
      for (const identity of identities) {
        const decrypter = new Decrypter();
        decrypter.addIdentity(identity);
        expect(plain.equals(await decrypter.decrypt(ours.bytes))).toBe(true);
        expect(plain.equals((await openWhole(inPieces(theirs, 50_000), [identity], pool)).bytes)).toBe(true);
      }
    },
  );

  it('finds nothing for a stranger, as we do', async () => {
    const { bytes } = await sealWhole(noise.subarray(0, 10), recipients, pool);
    const decrypter = new Decrypter();
    const other = await generateIdentity(kind);
    decrypter.addIdentity(other);
    await expect(decrypter.decrypt(bytes)).rejects.toThrow(/no identity matched/);
    await expect(openWhole(inPieces(bytes), [other], pool)).rejects.toMatchObject({
      code: 'no_identity_match',
    });
  });
});

it('a file of ours holds what its summary says', async () => {
  const plain = noise.subarray(0, 2 * MiB);
  const { bytes, summary } = await sealWhole(plain, [first.recipient], pool);
  writeFileSync(join(folder, 'ours.age'), bytes);
  expect(summary).toEqual({
    plainBytes: plain.length,
    plainSha256: sha256(plain),
    headerBytes: 4080,
    headerSha256: sha256(bytes.subarray(0, 4080)),
    payloadBytes: bytes.length - 4080,
    payloadSha256: sha256(bytes.subarray(4080)),
    encryptionSeconds: expect.any(Number) as number,
  });
  const opened = await openWhole(
    inPieces(readFileSync(join(folder, 'ours.age')), 777_777),
    [first.identity],
    pool,
  );
  expect(opened.summary).toEqual({ ...summary, encryptionSeconds: expect.any(Number) as number });
});
