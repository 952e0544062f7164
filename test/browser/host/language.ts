import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

/** As Grafana sets up its translations; those of the pages around the plugin stay in American English. */
export async function speak(languages: readonly string[]): Promise<void> {
  const { language } = window.hostSettings;
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en-US',
    supportedLngs: [...languages],
    partialBundledLanguages: true,
    // i18next goes by a language only where it has words of it, and Grafana has its own.
    resources: { [language]: { grafana: { language } } },
    returnEmptyString: false,
    ns: [],
  });
}
