import { Decrypter, Encrypter } from 'age-encryption';
import { LowtideError } from '../errors/lowtide-error.ts';
import { damaged, maxHybridRecipients, parseHeader, tooManyRecipients, type Header } from './header.ts';
import { invalidRecipient } from './invalid-recipient.ts';
import type { Stanza } from './stanza.ts';

/**
 * Post-quantum hybrid recipients (`age1pq1…`, ML-KEM-768 with X25519). The KEM is typage's: we hand it a header and take
 * the file key, or let it make a file key and take the stanzas.
 */
const hybridRecipientStart = 'age1pq1';
export const hybridIdentityStart = 'AGE-SECRET-KEY-PQ-1';

export function isHybridRecipient(text: string): boolean {
  if (!text.startsWith(hybridRecipientStart)) return false;
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** Makes a new file key, wrapped for each of the recipients. Throws `recipient_invalid`. */
export async function wrapForHybrid(
  recipients: readonly string[],
): Promise<{ readonly fileKey: Uint8Array; readonly stanzas: readonly Stanza[] }> {
  if (recipients.length > maxHybridRecipients) throw tooManyRecipients(recipients.length);
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    if (!isHybridRecipient(recipient)) throw invalidRecipient(recipient);
    encrypter.addRecipient(recipient);
  }
  // Typage keeps the file key to itself; a recipient that wraps nothing gets to see it.
  let fileKey: Uint8Array | undefined;
  encrypter.addRecipient({
    wrapFileKey: (given) => {
      fileKey = Uint8Array.from(given);
      return [];
    },
  });
  const file = await encrypter.encrypt(new Uint8Array(0));
  if (fileKey === undefined) throw new LowtideError('internal', 'typage has wrapped no file key');
  return { fileKey, stanzas: parseHeader(file).stanzas };
}

/**
 * Undefined when no stanza is for this identity. Throws `header_invalid` for a hybrid stanza that is malformed, or a MAC that
 * does not fit, and `identity_invalid`.
 */
export async function unwrapHybrid(identity: string, header: Header): Promise<Uint8Array | undefined> {
  const decrypter = new Decrypter();
  try {
    decrypter.addIdentity(identity);
  } catch {
    // Without the cause, which may hold the secret.
    throw new LowtideError('identity_invalid', 'this is no post-quantum age identity', {
      hint: `It is one line, ${hybridIdentityStart}… in capitals, as age-keygen -pq prints it.`,
    });
  }
  try {
    return await decrypter.decryptHeader(header.bytes);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    // Typage's errors have no codes; its version is pinned, and the public test vectors hold this text to it.
    if (message.startsWith('no identity matched')) return undefined;
    throw damaged(message);
  }
}
