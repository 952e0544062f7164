import { inflateSync } from 'node:zlib';
import * as vectors from 'cctv-age';
import { afterAll, describe, expect, it } from 'vitest';
import { inPieces, never, sha256 } from '../../../test/conformance/sealed.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { dearmor } from './armor.ts';
import { createSealPool } from './pool.ts';
import { openWithPassphrase } from './scrypt.ts';
import { unseal } from './unseal.ts';

/**
 * The format's public test vectors (https://c2sp.org/CCTV/age), all of them, against the three readers we have: `unseal`
 * (binary, for keys), `dearmor` before it, and `openWithPassphrase` (binary or armored).
 */
type Expectation =
  'success' | 'no match' | 'HMAC failure' | 'header failure' | 'payload failure' | 'armor failure';

interface Vector {
  readonly name: string;
  readonly expect: Expectation;
  /** SHA-256 of all plaintext that may come out, failure or not. */
  readonly payload: string | undefined;
  readonly identities: readonly string[];
  readonly passphrases: readonly string[];
  readonly armored: boolean;
  readonly file: Uint8Array;
}

function parseVector(name: string, bytes: Uint8Array): Vector {
  const end = Buffer.from(bytes).indexOf('\n\n');
  const lines = Buffer.from(bytes).toString('utf8', 0, end).split('\n');
  const values = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key}: `)).map((line) => line.slice(key.length + 2));
  const body = bytes.subarray(end + 2);
  return {
    name,
    expect: values('expect')[0] as Expectation,
    payload: values('payload')[0],
    identities: values('identity'),
    passphrases: values('passphrase'),
    armored: values('armored').includes('yes'),
    file: values('compressed').includes('zlib') ? inflateSync(body) : body,
  };
}

const all = Object.entries(vectors)
  .filter((entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array)
  .map(([name, bytes]) => parseVector(name, bytes));

/** What each outcome is called here. A MAC that does not fit is told from a header that cannot be read by its message. */
const refusals: Readonly<Record<Exclude<Expectation, 'success'>, { code: string; message: RegExp }>> = {
  'no match': {
    code: 'no_identity_match',
    message: /^(none of \d identities|the passphrase does not|this file is not)/,
  },
  'HMAC failure': { code: 'header_invalid', message: /MAC does not fit/ },
  'header failure': { code: 'header_invalid', message: /^(?!.*MAC does not fit)/ },
  'payload failure': { code: 'payload_invalid', message: /chunk \d+, at byte \d+/ },
  'armor failure': { code: 'header_invalid', message: /armor is damaged/ },
};

interface Outcome {
  readonly plain: Buffer;
  readonly failure: unknown;
}

const pool = createSealPool({ threads: 2 });
afterAll(() => pool[Symbol.asyncDispose]());

async function openWithKeys(
  file: Uint8Array,
  identities: readonly string[],
  pieceBytes?: number,
): Promise<Outcome> {
  const pieces: Uint8Array[] = [];
  try {
    const opened = await unseal(inPieces(file, pieceBytes), identities, { pool, signal: never });
    for await (const piece of opened) pieces.push(piece);
    return { plain: Buffer.concat(pieces), failure: undefined };
  } catch (failure) {
    return { plain: Buffer.concat(pieces), failure };
  }
}

async function outcomeOf(work: () => Uint8Array | Promise<Uint8Array>): Promise<Outcome> {
  try {
    return { plain: Buffer.from(await work()), failure: undefined };
  } catch (failure) {
    return { plain: Buffer.alloc(0), failure };
  }
}

function expectOutcome(vector: Vector, { plain, failure }: Outcome): void {
  if (vector.expect === 'success') {
    expect(failure).toBeUndefined();
    expect(sha256(plain)).toBe(vector.payload);
    return;
  }
  expect(failure).toBeInstanceOf(LowtideError);
  const { code, message } = refusals[vector.expect];
  expect(failure).toMatchObject({ code, message: expect.stringMatching(message) as string });
}

/** Read by `unseal`, whole and in pieces. The rest of the vectors are for other readers: see `notForUnseal`. */
const forKeys = all.filter((vector) => !vector.armored && vector.passphrases.length === 0);
const forPassphrase = all.filter((vector) => vector.passphrases.length > 0);
const inArmor = all.filter((vector) => vector.armored && vector.passphrases.length === 0);

/** What `unseal` does not support, and how it says so. Lowtide's own backups are binary, and sealed to keys. */
const notForUnseal: readonly {
  readonly reason: string;
  readonly vectors: readonly Vector[];
  readonly code: string;
}[] = [
  {
    reason: 'ASCII armor is for small files that people paste; a backup is never armored',
    vectors: all.filter((vector) => vector.armored),
    code: 'header_invalid',
  },
  {
    reason: 'passphrases have a reader of their own, whose scrypt takes seconds and up to 4 GiB',
    vectors: forPassphrase.filter(
      ({ armored, expect: expected }) => !armored && expected !== 'header failure',
    ),
    code: 'no_identity_match',
  },
];

it('are 143 vectors, each of them taken by exactly one reader', () => {
  expect(all).toHaveLength(143);
  expect([forKeys.length, forPassphrase.length, inArmor.length]).toEqual([85, 26, 32]);
  const taken = [...forKeys, ...forPassphrase, ...inArmor].map(({ name }) => name);
  expect(taken.toSorted()).toEqual(all.map(({ name }) => name).toSorted());
});

describe('unseal', () => {
  it.each(forKeys)('reads $name whole: $expect', async (vector) => {
    const outcome = await openWithKeys(vector.file, vector.identities);
    expectOutcome(vector, outcome);
    // What comes out before the failure must be right as well.
    if (vector.expect === 'payload failure') expect(sha256(outcome.plain)).toBe(vector.payload);
  });

  it.each(forKeys)('reads $name in tiny pieces: $expect', async (vector) => {
    for (const pieceBytes of vector.file.length > 100_000 ? [4093] : [1, 3, 1000]) {
      const outcome = await openWithKeys(vector.file, vector.identities, pieceBytes);
      expectOutcome(vector, outcome);
      if (vector.expect === 'payload failure') expect(sha256(outcome.plain)).toBe(vector.payload);
    }
  });

  it.each(inArmor)('reads $name once the armor is off: $expect', async (vector) => {
    const bare = await outcomeOf(() => dearmor(vector.file));
    expectOutcome(
      vector,
      bare.failure === undefined ? await openWithKeys(bare.plain, vector.identities) : bare,
    );
  });
});

describe('unseal refuses with a typed error', () => {
  const identity = all.find(({ name }) => name === 'x25519')!.identities;
  it.each(notForUnseal)('what it does not support: $reason', async ({ vectors: unsupported, code }) => {
    expect(unsupported.length).toBeGreaterThan(0);
    for (const vector of unsupported) {
      const { plain, failure } = await openWithKeys(vector.file, identity);
      expect([vector.name, plain.length, failure]).toEqual([
        vector.name,
        0,
        expect.objectContaining({ code, name: 'LowtideError' }),
      ]);
    }
  });
});

describe('the passphrase reader', () => {
  it.each(forPassphrase)('reads $name: $expect', async (vector) => {
    for (const passphrase of vector.passphrases) {
      expectOutcome(vector, await outcomeOf(() => openWithPassphrase(vector.file, passphrase)));
    }
  });

  it('refuses what is sealed to keys', async () => {
    for (const vector of forKeys.filter((each) => each.expect === 'success')) {
      const { failure } = await outcomeOf(() => openWithPassphrase(vector.file, 'password'));
      expect([vector.name, failure]).toEqual([
        vector.name,
        expect.objectContaining({ code: 'no_identity_match' }),
      ]);
    }
  });
});
