import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';

/**
 * The file key is the secret of one age file: 16 random bytes that every recipient's stanza wraps. From it come the key
 * of the header's MAC and, with the nonce, the key of the payload. Format: https://c2sp.org/age.
 */
const fileKeyBytes = 16;
export const nonceBytes = 16;
const tagBytes = 16;

/** A wrapped file key: its ciphertext and a Poly1305 tag. */
export const wrappedKeyBytes = fileKeyBytes + tagBytes;

/** The wrapping key is used once, so its nonce may be all zero. */
const zeroNonce = new Uint8Array(12);

export function newFileKey(): Uint8Array {
  return randomBytes(fileKeyBytes);
}

export function newNonce(): Uint8Array {
  return randomBytes(nonceBytes);
}

export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): KeyObject {
  return derivedKey(fileKey, nonce, 'payload');
}

export function headerKey(fileKey: Uint8Array): KeyObject {
  return derivedKey(fileKey, new Uint8Array(0), 'header');
}

/**
 * HKDF-SHA256 to 32 bytes. A KeyObject, since OpenSSL takes in a raw key anew for each cipher, and since it can neither
 * be printed nor written down by accident.
 */
export function derivedKey(secret: Uint8Array, salt: Uint8Array, info: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, salt, info, 32)));
}

export function wrapWith(key: KeyObject, fileKey: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, zeroNonce, { authTagLength: tagBytes });
  return Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Undefined when `body` was not wrapped with this key. The caller has checked that it is `wrappedKeyBytes` long: a longer one
 * could be made to open under two keys at once.
 */
export function unwrapWith(key: KeyObject, body: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv('chacha20-poly1305', key, zeroNonce, { authTagLength: tagBytes });
  decipher.setAuthTag(body.subarray(fileKeyBytes));
  const fileKey = decipher.update(body.subarray(0, fileKeyBytes));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return fileKey;
}
