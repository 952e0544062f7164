import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

/** As Grafana sets up its translations; those of the pages around the plugin stay in American English. */
export async function speak(languages: readonly string[]): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: window.hostSettings.language,
    fallbackLng: 'en-US',
    supportedLngs: [...languages],
    partialBundledLanguages: true,
    resources: {},
    returnEmptyString: false,
    ns: [],
  });
}
