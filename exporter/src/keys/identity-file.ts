import { bech32 } from '@scure/base';
import { LowtideError } from '../errors/lowtide-error.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Identity, Key } from './keystore.ts';

/**
 * Identities as text: age's identity files (comments, blank lines, one identity a line) and the bare keys of
 * BACKUP_ENCRYPTION_KEY. Nothing of the text ever gets into an error, not even through a cause: a mistyped secret is
 * still a secret. Format: age-encryption.org/v1 (X25519) and C2SP age (hybrid), both bech32 over 32 bytes.
 */
const x25519Prefix = 'AGE-SECRET-KEY-';
const hybridPrefix = 'AGE-SECRET-KEY-PQ-';
const secretBytes = 32;

/**
 * The one identity in an age identity file or a bare line. `where` names the text in errors.
 * Throws `identity_invalid`.
 */
export function parseIdentity(text: string, where: string): Identity {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'));
  const [first, second] = lines;
  if (first === undefined) throw invalid(where, 'holds no identity', howToMake);
  const foreign = foreignKinds.find(({ start }) => first.line.startsWith(start));
  if (foreign !== undefined) throw invalid(where, foreign.what, foreign.hint);
  if (!isIdentity(first.line)) {
    throw invalid(
      where,
      `has no age identity in line ${first.number}`,
      'An identity is one line, AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…, in capitals; a checksum in it finds mistyped and missing characters.',
    );
  }
  if (second !== undefined) {
    throw invalid(where, `has more than one key (line ${second.number})`, 'Give one identity at a time.');
  }
  return first.line;
}

/**
 * The identity that BACKUP_ENCRYPTION_KEY holds: in age's form, or as 32 bytes in hex, base64 or base64url, which become
 * the X25519 scalar. Throws `identity_invalid`.
 */
export function parseEnvironmentKey(text: string): Identity {
  const where = 'BACKUP_ENCRYPTION_KEY';
  const secret = rawSecret(text.trim());
  if (secret !== undefined) return bech32.encodeFromBytes(x25519Prefix, secret).toUpperCase();
  // The lines of an identity file, or of what is confused with one, begin so: its reader knows best what is wrong.
  if (/^\s*(?:#|age|-----BEGIN)/im.test(text)) return parseIdentity(text, where);
  throw invalid(
    where,
    'is neither an age identity nor 32 bytes as hex (64 digits) or base64 (43 or 44 characters)',
    howToMake,
  );
}

/** An identity file as age-keygen writes it. */
export function formatIdentityFile(
  identity: Identity,
  { recipient, createdAt }: Pick<Key, 'recipient' | 'createdAt'>,
): string {
  return `# created: ${toRfc3339(createdAt)}\n# public key: ${recipient}\n${identity}\n`;
}

const howToMake =
  'A new key comes from `lowtide keys new`; outside of Lowtide `age-keygen` or `openssl rand -base64 32` make one.';

/** What people confuse with an identity, by how it begins. */
const foreignKinds = [
  {
    start: 'age1',
    what: 'holds a recipient, the public half of a key',
    hint: 'The secret half begins with AGE-SECRET-KEY-; age-keygen writes both into one file.',
  },
  {
    start: 'age-encryption.org/',
    what: 'is encrypted with age',
    hint: 'Open it first: `age -d FILE` asks for its passphrase.',
  },
  {
    start: '-----BEGIN AGE ENCRYPTED FILE-----',
    what: 'is encrypted with age',
    hint: 'Open it first: `age -d FILE` asks for its passphrase.',
  },
  {
    start: 'AGE-PLUGIN-',
    what: "holds a plugin's identity",
    hint: 'Lowtide opens backups by itself and starts no plugins: use a key of age-keygen.',
  },
  {
    start: '-----BEGIN',
    what: 'holds a key of another program',
    hint: 'SSH and PEM keys cannot be used: use a key of age-keygen.',
  },
];

function isIdentity(line: string): boolean {
  const prefix = line.startsWith(`${hybridPrefix}1`) ? hybridPrefix : x25519Prefix;
  if (!line.startsWith(`${prefix}1`) || line !== line.toUpperCase()) return false;
  const decoded = bech32.decodeUnsafe(line);
  if (decoded?.prefix !== prefix.toLowerCase()) return false;
  return bech32.fromWordsUnsafe(decoded.words)?.length === secretBytes;
}

function rawSecret(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^(?:[A-Za-z0-9+/]{43}|[A-Za-z0-9_-]{43})=?$/.test(text)) return Buffer.from(text, 'base64');
  return undefined;
}

function invalid(where: string, what: string, hint: string): LowtideError {
  return new LowtideError('identity_invalid', `${where} ${what}`, { hint });
}
