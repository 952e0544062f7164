import { LowtideError } from '../errors/lowtide-error.ts';
import { newFileKey } from './file-key.ts';
import { encodeHeader } from './header.ts';
import { wrapForHybrid } from './hybrid.ts';
import { recipientKind, type KeyKind } from './identity.ts';
import { invalidRecipient } from './invalid-recipient.ts';
import { wrapForX25519 } from './x25519.ts';

/** The header of a new file and its file key. */
export interface NewHeader {
  readonly fileKey: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A fresh file key, wrapped for every recipient. Throws `recipient_invalid`, also for more recipients than a header holds. */
export async function newHeader(recipients: readonly string[]): Promise<NewHeader> {
  if (commonKind(recipients) === 'hybrid') {
    const { fileKey, stanzas } = await wrapForHybrid(recipients);
    return { fileKey, bytes: encodeHeader(stanzas, fileKey) };
  }
  const fileKey = newFileKey();
  const stanzas = recipients.map((recipient) => wrapForX25519(recipient, fileKey));
  return { fileKey, bytes: encodeHeader(stanzas, fileKey) };
}

/** The kind that all recipients of one file share. Throws `recipient_invalid` where they do not, or there is none. */
export function commonKind(recipients: readonly string[]): KeyKind {
  const kinds = new Set(recipients.map(kindOf));
  if (kinds.size > 1) {
    throw new LowtideError('recipient_invalid', 'X25519 and post-quantum recipients cannot share a file', {
      hint: 'A file is as strong as its weakest recipient: make the recovery recipients of the same kind as the key.',
    });
  }
  const [kind] = kinds;
  if (kind === undefined) {
    throw new LowtideError('recipient_invalid', 'there is no recipient to seal to', {
      hint: 'A file without one could never be opened.',
    });
  }
  return kind;
}

function kindOf(recipient: string): KeyKind {
  const kind = recipientKind(recipient);
  if (kind === undefined) throw invalidRecipient(recipient);
  return kind;
}
