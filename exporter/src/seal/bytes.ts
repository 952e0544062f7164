import { newNonce, nonceBytes, payloadKey } from './file-key.ts';
import { payloadFault } from './fault.ts';
import { checkMac, damaged, HeaderParser, type Header } from './header.ts';
import { unwrapFileKey } from './identity.ts';
import { newHeader } from './recipients.ts';
import { openChunks, sealChunks } from './stream.ts';

/** Small age files, made and opened in one go; what is large goes through seal.ts and unseal.ts. */

/** Throws `recipient_invalid`. */
export async function sealBytes(bytes: Uint8Array, recipients: readonly string[]): Promise<Uint8Array> {
  const header = await newHeader(recipients);
  const nonce = newNonce();
  const payload = sealChunks(payloadKey(header.fileKey, nonce), bytes, { first: 0, last: true });
  return Buffer.concat([header.bytes, nonce, payload]);
}

/** Throws `header_invalid`, `payload_invalid`, `no_identity_match`, `identity_invalid`. */
export async function openBytes(file: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  return await openWhole(file, (header) => unwrapFileKey(header, identities));
}

/** The same with whatever finds the file key. */
export async function openWhole(
  file: Uint8Array,
  unwrap: (header: Header) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const parser = new HeaderParser();
  const { header } = parser.push(file) ?? parser.fail();
  const fileKey = await unwrap(header);
  checkMac(header, fileKey);
  const payloadStart = header.bytes.length + nonceBytes;
  const nonce = file.subarray(header.bytes.length, payloadStart);
  if (nonce.length < nonceBytes) throw damaged(`the file ends at byte ${file.length}, right after it`);
  const { plain, fault } = openChunks(payloadKey(fileKey, nonce), file.subarray(payloadStart), {
    first: 0,
    last: true,
  });
  if (fault !== undefined) throw payloadFault(fault, payloadStart);
  return plain;
}
