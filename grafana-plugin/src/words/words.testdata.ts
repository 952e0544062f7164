import { createInstance } from 'i18next';
import { resourcesOf } from './resources.ts';
import type { Translate } from './words.ts';

const defaults = 'en-US';

/** i18next as Grafana has set it up: it loads the words of every language but American English, whose defaults count. */
export function translatorTo(language: string): Translate {
  const instance = createInstance();
  void instance.init({
    lng: language,
    fallbackLng: defaults,
    initAsync: false,
    returnEmptyString: false,
    resources: language === defaults ? {} : { [language]: { translation: resourcesOf(language) } },
  });
  return (key, defaultText, options) => instance.t(key, defaultText, options);
}

export const toEnglish = translatorTo(defaults);
export const toSpanish = translatorTo('es-ES');
