import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { LowtideError } from '../errors/lowtide-error.ts';
import { hybridIdentityStart, isHybridRecipient, unwrapHybrid } from './hybrid.ts';
import type { Header } from './header.ts';
import { isX25519Recipient, X25519Identity } from './x25519.ts';

/** Which public-key cryptography a key uses; age puts only one kind into a file. */
export type KeyKind = 'x25519' | 'hybrid';

/** A new secret, `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`. */
export async function generateIdentity(kind: KeyKind): Promise<string> {
  return await (kind === 'hybrid' ? generateHybridIdentity() : generateX25519Identity());
}

/** The public half of an identity. Throws `identity_invalid`, without a word of the secret. */
export async function recipientOf(identity: string): Promise<string> {
  try {
    return await identityToRecipient(identity);
  } catch {
    throw new LowtideError('identity_invalid', 'this is no age identity', {
      hint: 'It is one line, AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…, in capitals.',
    });
  }
}

/** Undefined for what is no recipient that can be sealed to (plugins' and hardware tokens' are not). */
export function recipientKind(text: string): KeyKind | undefined {
  if (isX25519Recipient(text)) return 'x25519';
  return isHybridRecipient(text) ? 'hybrid' : undefined;
}

export function isRecipient(text: string): boolean {
  return recipientKind(text) !== undefined;
}

/**
 * The file key, from the first identity that has a stanza. The header's MAC is still to be checked.
 * Throws `no_identity_match`, `identity_invalid`, `header_invalid`.
 */
export async function unwrapFileKey(header: Header, identities: readonly string[]): Promise<Uint8Array> {
  for (const identity of identities) {
    const fileKey = identity.startsWith(hybridIdentityStart)
      ? await unwrapHybrid(identity, header)
      : new X25519Identity(identity).unwrap(header.stanzas);
    if (fileKey !== undefined) return fileKey;
  }
  throw noIdentityFits(header, identities.length);
}

export function noIdentityFits(header: Header, tried: number): LowtideError {
  const types = [...new Set(header.stanzas.map((stanza) => stanza.args[0]))].join(', ').slice(0, 80);
  return new LowtideError(
    'no_identity_match',
    `none of ${tried} identities opens this file, which is sealed to: ${types}`,
    { hint: 'It was sealed to another key: import that key, or use a recovery key.' },
  );
}
