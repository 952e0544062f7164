import { holdTexts } from '../load/gate.ts';

const texts: Readonly<Record<string, string>> = {
  ...holdTexts,
  capacity: 'beside the backups that run there is no room for it',
  store: 'as many backups as it may take are being written to its store',
  alert: 'an alert fires for this host',
};

/** Why a start has to wait, with a sentence for people. A code that is not known here was written by another version. */
export function holdReason(code: string): { readonly code: string; readonly text: string } {
  return { code, text: texts[code] ?? code };
}
