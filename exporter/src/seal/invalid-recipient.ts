import { LowtideError } from '../errors/lowtide-error.ts';

/** `recipient_invalid`; the text is repeated only where it cannot be a secret put into the wrong place. */
export function invalidRecipient(text: string): LowtideError {
  const shown = text.startsWith('age1') ? `${text.slice(0, 24)}…` : 'what is given as one';
  return new LowtideError('recipient_invalid', `${shown} is no age recipient`, {
    hint: 'Write the public half of a key, age1… or age1pq1…, as age-keygen -y prints it; a checksum in it finds slips.',
  });
}
