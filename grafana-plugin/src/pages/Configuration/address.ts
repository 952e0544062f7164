import type { MessageKey } from '../../words/words.ts';

/** What is wrong with an address as it is typed; nothing is wrong with none. */
export function addressMistake(address: string): MessageKey | undefined {
  const text = address.trim();
  if (text === '') return undefined;
  if (!/^https?:\/\//i.test(text)) return 'config.noScheme';
  if (!URL.canParse(text)) return 'config.noAddress';
  const { pathname, search, hash, username, password } = new URL(text);
  if (username !== '' || password !== '') return 'config.noCredentials';
  return /\/api(?:\/|$)/.test(pathname) || search !== '' || hash !== '' || text.endsWith('/')
    ? 'config.noPath'
    : undefined;
}
