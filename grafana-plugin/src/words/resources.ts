import { english } from './english.ts';
import { spanish } from './spanish.ts';

/** The words of a language as i18next takes them; English for those that we do not speak. */
export function resourcesOf(language: string): Record<string, string> {
  if (!/^es\b/i.test(language)) return { ...english };
  // Spanish has a plural of its own for millions, whose words are those of all the others.
  const millions = Object.entries(spanish).flatMap(([key, text]) =>
    key.endsWith('_other') ? [[key.replace(/_other$/, '_many'), text] as const] : [],
  );
  return { ...spanish, ...Object.fromEntries(millions) };
}
