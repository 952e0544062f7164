import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { base64nopad, bech32 } from '@scure/base';
import { LowtideError } from '../errors/lowtide-error.ts';
import { derivedKey, unwrapWith, wrappedKeyBytes, wrapWith } from './file-key.ts';
import { damaged, decodeBase64 } from './header.ts';
import { invalidRecipient } from './invalid-recipient.ts';
import type { Stanza } from './stanza.ts';

/**
 * The X25519 recipients and identities of age (`age1…`, `AGE-SECRET-KEY-1…`). Typage wraps only file keys of its own making;
 * a rewrap needs to wrap a given one, so both directions are here, on the platform's X25519.
 */
const stanzaType = 'X25519';
const recipientPrefix = 'age';
const identityPrefix = 'AGE-SECRET-KEY-';
const info = 'age-encryption.org/v1/X25519';
const pointBytes = 32;

/** OpenSSL takes raw keys only in their DER frames, which are constant for X25519 (RFC 8410). */
const publicFrame = Buffer.from('302a300506032b656e032100', 'hex');
const privateFrame = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Throws `recipient_invalid`. */
export function wrapForX25519(recipient: string, fileKey: Uint8Array): Stanza {
  const point = decodeRecipient(recipient);
  if (point === undefined) throw invalidRecipient(recipient);
  const ephemeral = generateKeyPairSync('x25519');
  const share = rawPublic(ephemeral.publicKey);
  const secret = sharedSecret(ephemeral.privateKey, point);
  if (secret === undefined) {
    throw new LowtideError('recipient_invalid', `${recipient} is a point of low order, which hides nothing`, {
      hint: 'No honest tool makes such a recipient: ask for another.',
    });
  }
  const key = derivedKey(secret, Buffer.concat([share, point]), info);
  return { args: [stanzaType, base64nopad.encode(share)], body: wrapWith(key, fileKey) };
}

export function isX25519Recipient(text: string): boolean {
  return decodeRecipient(text) !== undefined;
}

/** An identity, ready to be tried on stanzas. */
export class X25519Identity {
  readonly #key: KeyObject;
  readonly #point: Uint8Array;

  /** Throws `identity_invalid`, without a word of the secret. */
  constructor(identity: string) {
    const scalar = identity.startsWith(`${identityPrefix}1`)
      ? decodeBech32(identity, identityPrefix.toLowerCase())
      : undefined;
    if (scalar === undefined) {
      throw new LowtideError('identity_invalid', 'this is no X25519 age identity', {
        hint: 'It is one line, AGE-SECRET-KEY-1… in capitals, as age-keygen prints it.',
      });
    }
    this.#key = createPrivateKey({
      key: Buffer.concat([privateFrame, scalar]),
      format: 'der',
      type: 'pkcs8',
    });
    this.#point = rawPublic(createPublicKey(this.#key));
  }

  /** Undefined when no stanza is for this identity. Throws `header_invalid` for an X25519 stanza that is malformed. */
  unwrap(stanzas: readonly Stanza[]): Uint8Array | undefined {
    for (const stanza of stanzas) {
      if (stanza.args[0] !== stanzaType) continue;
      const fileKey = this.#unwrapOne(stanza);
      if (fileKey !== undefined) return fileKey;
    }
    return undefined;
  }

  #unwrapOne({ args, body }: Stanza): Uint8Array | undefined {
    const share = args[1] === undefined || args.length !== 2 ? undefined : decodeBase64(args[1]);
    if (share?.length !== pointBytes || body.length !== wrappedKeyBytes) {
      throw damaged('it has an X25519 stanza that is malformed');
    }
    const secret = sharedSecret(this.#key, share);
    if (secret === undefined) throw damaged('it has an X25519 stanza with a point of low order');
    return unwrapWith(derivedKey(secret, Buffer.concat([share, this.#point]), info), body);
  }
}

/** Undefined where the secret would be all zero (a point of low order), which OpenSSL refuses; checked again here. */
function sharedSecret(privateKey: KeyObject, point: Uint8Array): Uint8Array | undefined {
  const publicKey = createPublicKey({
    key: Buffer.concat([publicFrame, point]),
    format: 'der',
    type: 'spki',
  });
  try {
    const secret = diffieHellman({ privateKey, publicKey });
    return secret.some((byte) => byte !== 0) ? secret : undefined;
  } catch {
    return undefined;
  }
}

function rawPublic(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'spki' }).subarray(publicFrame.length);
}

function decodeRecipient(text: string): Uint8Array | undefined {
  return text.startsWith(`${recipientPrefix}1`) ? decodeBech32(text, recipientPrefix) : undefined;
}

function decodeBech32(text: string, prefix: string): Uint8Array | undefined {
  const decoded = bech32.decodeUnsafe(text);
  if (decoded?.prefix !== prefix) return undefined;
  const bytes = bech32.fromWordsUnsafe(decoded.words);
  return bytes?.length === pointBytes ? Uint8Array.from(bytes) : undefined;
}
