import {
  createCipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
} from 'node:crypto';
import { base64nopad, bech32 } from '@scure/base';
import { invalidRecipient } from './invalid-recipient.ts';
import type { Stanza } from './stanza.ts';

/**
 * Wraps a *given* file key for a post-quantum hybrid recipient, which typage does only with file keys of its own making: the
 * KEM is ML-KEM-768 joined with X25519 (X-Wing, draft-connolly-cfrg-xwing-kem), its secret goes through the key schedule
 * of HPKE (RFC 9180, base mode, HKDF-SHA256, ChaCha20-Poly1305). The stanza is described at https://c2sp.org/age.
 */
const stanzaType = 'mlkem768x25519';
const info = new TextEncoder().encode('age-encryption.org/mlkem768x25519');
/** `\.//^\`, which X-Wing hashes last. */
const combinerLabel = Buffer.from('5c2e2f2f5e5c', 'hex');
/** KEM 0x647a, KDF HKDF-SHA256, AEAD ChaCha20-Poly1305. */
const suite = Buffer.concat([Buffer.from('HPKE'), Buffer.from('647a00010003', 'hex')]);

const mlkemBytes = 1184;
const pointBytes = 32;
const tagBytes = 16;
/** OpenSSL takes raw keys only in their DER frames, which are constant (RFC 8410, draft-ietf-lamps-kyber-certificates). */
const mlkemFrame = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
const pointFrame = Buffer.from('302a300506032b656e032100', 'hex');

/** Throws `recipient_invalid`. */
export function wrapGivenForHybrid(recipient: string, fileKey: Uint8Array): Stanza {
  const publicKey = decodeRecipient(recipient);
  if (publicKey === undefined) throw invalidRecipient(recipient);
  const { secret, encapsulated } = encapsulateTo(publicKey);
  const { key, nonce } = schedule(secret);
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return { args: [stanzaType, base64nopad.encode(encapsulated)], body };
}

function decodeRecipient(text: string): Uint8Array | undefined {
  const decoded = bech32.decodeUnsafe(text, false);
  if (decoded?.prefix !== 'age1pq') return undefined;
  const bytes = bech32.fromWordsUnsafe(decoded.words);
  return bytes?.length === mlkemBytes + pointBytes ? Uint8Array.from(bytes) : undefined;
}

function encapsulateTo(publicKey: Uint8Array): {
  readonly secret: Uint8Array;
  readonly encapsulated: Uint8Array;
} {
  const lattice = encapsulate(der(mlkemFrame, publicKey.subarray(0, mlkemBytes)));
  const point = publicKey.subarray(mlkemBytes);
  const ephemeral = generateKeyPairSync('x25519');
  const share = ephemeral.publicKey.export({ format: 'der', type: 'spki' }).subarray(pointFrame.length);
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: der(pointFrame, point) });
  const secret = createHash('sha3-256')
    .update(lattice.sharedKey)
    .update(shared)
    .update(share)
    .update(point)
    .update(combinerLabel)
    .digest();
  return { secret, encapsulated: Buffer.concat([lattice.ciphertext, share]) };
}

function der(frame: Uint8Array, raw: Uint8Array): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.concat([frame, raw]), format: 'der', type: 'spki' });
}

/** HPKE's key schedule, for one message: the base nonce is the nonce of the first. */
function schedule(secret: Uint8Array): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const nothing = new Uint8Array(0);
  const context = Buffer.concat([
    Buffer.from([0]),
    extract(nothing, 'psk_id_hash', nothing),
    extract(nothing, 'info_hash', info),
  ]);
  const derived = extract(secret, 'secret', nothing);
  return { key: expand(derived, 'key', context, 32), nonce: expand(derived, 'base_nonce', context, 12) };
}

function extract(salt: Uint8Array, label: string, input: Uint8Array): Uint8Array {
  return createHmac('sha256', salt).update('HPKE-v1').update(suite).update(label).update(input).digest();
}

/** One block of HKDF-Expand gives all that is ever asked for here. */
function expand(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  return createHmac('sha256', secret)
    .update(Buffer.from([0, length]))
    .update('HPKE-v1')
    .update(suite)
    .update(label)
    .update(context)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length);
}
