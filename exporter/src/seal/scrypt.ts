import { createSecretKey, randomBytes, scrypt, type KeyObject } from 'node:crypto';
import { base64nopad } from '@scure/base';
import { LowtideError } from '../errors/lowtide-error.ts';
import { dearmor, isArmored } from './armor.ts';
import { newFileKey, newNonce, payloadKey, unwrapWith, wrappedKeyBytes, wrapWith } from './file-key.ts';
import { openWhole } from './bytes.ts';
import { damaged, decodeBase64, encodeHeader } from './header.ts';
import type { Stanza } from './stanza.ts';
import { sealChunks } from './stream.ts';

/**
 * Small age files under a passphrase, as stock `age -d` reads them. The key derivation is the platform's own, for it runs
 * beside the event loop, where typage's would stop it for a second.
 */
const stanzaType = 'scrypt';
const saltLabel = Buffer.from('age-encryption.org/v1/scrypt');
const saltBytes = 16;

/** Takes 1 KiB × 2^logN of memory: 22, where age stops too, is 4 GiB. */
const maxLogN = 22;

/**
 * The whole of `bytes` as an age file that `passphrase` opens. `logN` is the base-2 logarithm of scrypt's work factor: 16 takes
 * 64 MiB and a quarter of a second, and each step doubles both.
 */
export async function sealWithPassphrase(
  bytes: Uint8Array,
  passphrase: string,
  { logN }: { readonly logN: number },
): Promise<Uint8Array> {
  if (!Number.isInteger(logN) || logN < 1 || logN > maxLogN) {
    throw new RangeError(`a work factor of 2^${logN} could not be read again`);
  }
  const fileKey = newFileKey();
  const salt = randomBytes(saltBytes);
  const stanza: Stanza = {
    args: [stanzaType, base64nopad.encode(salt), String(logN)],
    body: wrapWith(await stretch(passphrase, salt, logN), fileKey),
  };
  const nonce = newNonce();
  const payload = sealChunks(payloadKey(fileKey, nonce), bytes, { first: 0, last: true });
  return Buffer.concat([encodeHeader([stanza], fileKey), nonce, payload]);
}

/**
 * What `sealWithPassphrase`, `age -p` or `age -p -a` have sealed. Throws `no_identity_match` for a wrong passphrase or a
 * file that is sealed to keys, `header_invalid` and `payload_invalid` for a damaged one.
 */
export async function openWithPassphrase(bytes: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const file = isArmored(bytes) ? dearmor(bytes) : bytes;
  return await openWhole(file, (header) => unwrap(header.stanzas, passphrase));
}

async function unwrap(stanzas: readonly Stanza[], passphrase: string): Promise<Uint8Array> {
  const [stanza] = stanzas;
  if (stanza?.args[0] !== stanzaType) {
    throw new LowtideError('no_identity_match', 'this file is not sealed with a passphrase', {
      hint: 'It is sealed to keys: open it with an identity.',
    });
  }
  const { salt, logN } = readStanza(stanza);
  const fileKey = unwrapWith(await stretch(passphrase, salt, logN), stanza.body);
  if (fileKey !== undefined) return fileKey;
  throw new LowtideError('no_identity_match', 'the passphrase does not open this file', {
    hint: 'Mind capitals and spaces; a file that was changed looks the same.',
  });
}

function readStanza({ args, body }: Stanza): { readonly salt: Uint8Array; readonly logN: number } {
  const [, saltText, logNText] = args;
  const salt = saltText === undefined ? undefined : decodeBase64(saltText);
  if (
    args.length !== 3 ||
    salt?.length !== saltBytes ||
    body.length !== wrappedKeyBytes ||
    !/^[1-9][0-9]*$/.test(logNText ?? '')
  ) {
    throw damaged('its scrypt stanza is malformed');
  }
  const logN = Number(logNText);
  if (logN > maxLogN) throw damaged(`its scrypt work factor, 2^${logNText ?? ''}, is above 2^${maxLogN}`);
  return { salt, logN };
}

function stretch(passphrase: string, salt: Uint8Array, logN: number): Promise<KeyObject> {
  const blockSize = 8;
  const options = { N: 2 ** logN, r: blockSize, p: 1, maxmem: 128 * blockSize * (2 ** logN + 16) };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.concat([saltLabel, salt]), 32, options, (error, key) => {
      if (error === null) resolve(createSecretKey(key));
      else reject(error);
    });
  });
}
