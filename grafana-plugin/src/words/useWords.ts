import { useMemo } from 'react';
import { config } from '@grafana/runtime';
import { initPluginTranslations, t } from '@grafana/i18n';
import { pluginId } from '../constants.ts';
import { formatFor, type Format } from '../format/format.ts';
import { resourcesOf } from './resources.ts';
import { say, type Message, type Translate } from './words.ts';

export interface Words {
  readonly say: (message: Message) => string;
  /** For a text without gaps. */
  readonly text: (key: Message['key']) => string;
  readonly format: Format;
  /** A BCP 47 tag of the language that is spoken, which need not be that of Grafana. */
  readonly language: string;
  /** An IANA name. */
  readonly timezone: string;
}

let spoken = 'en-US';
let isLoaded = false;

/** To be awaited before anything is shown, within what React is given to load lazily. */
export async function loadWords(): Promise<void> {
  const { language } = await initPluginTranslations(pluginId, [
    (wanted) => Promise.resolve(resourcesOf(wanted)),
  ]);
  isLoaded = true;
  spoken = /^(?:en|es)\b/i.test(language) ? language : 'en-US';
}

/** `timezone`: as Grafana has it in panels; elsewhere that of the user's profile. */
export function useWords(timezone: string = config.bootData.user.timezone): Words {
  const language = spoken;
  const zone = zoneOf(timezone);
  return useMemo(() => {
    const format = formatFor({ language, timezone: zone });
    return {
      say: (message) => say(message, t, format),
      text: (key) => say({ key }, t, format),
      format,
      language,
      timezone: zone,
    };
  }, [language, zone]);
}

/** Grafana says `browser` or nothing for that of the browser, and `utc`. */
export function zoneOf(timezone: string): string {
  if (timezone === 'utc') return 'UTC';
  if (timezone !== '' && timezone !== 'browser' && isZone(timezone)) return timezone;
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function isZone(timezone: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** For what is asked for outside of all pages, and before there are words: the options of a panel. English until then. */
export function textNow(key: Message['key']): string {
  const translate: Translate = isLoaded ? t : (_, defaultText) => defaultText;
  return say({ key }, translate, formatFor({ language: spoken, timezone: 'UTC' }));
}
