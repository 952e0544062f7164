import React, { lazy, Suspense } from 'react';
import { AppPlugin, type AppPluginMeta, type AppRootProps, type PluginConfigPageProps } from '@grafana/data';
import { LoadingPlaceholder } from '@grafana/ui';
import { links } from './app/links.ts';
import type { Settings } from './constants.ts';

/** Grafana loads this when it starts: everything else comes when it is looked at. */
const LazyApp = lazy(async () => {
  const [{ App }, { loadWords }] = await Promise.all([
    import('./app/App.tsx'),
    import('./words/useWords.ts'),
  ]);
  await loadWords();
  return { default: App };
});

const LazyConfiguration = lazy(async () => {
  const [{ Configuration }, { loadWords }] = await Promise.all([
    import('./pages/Configuration/Configuration.tsx'),
    import('./words/useWords.ts'),
  ]);
  await loadWords();
  return { default: Configuration };
});

function AppRoot(props: AppRootProps<Settings>): React.JSX.Element {
  return (
    <Suspense fallback={<LoadingPlaceholder text="" />}>
      <LazyApp {...props} />
    </Suspense>
  );
}

function ConfigurationBody(props: PluginConfigPageProps<AppPluginMeta<Settings>>): React.JSX.Element {
  return (
    <Suspense fallback={<LoadingPlaceholder text="" />}>
      <LazyConfiguration {...props} />
    </Suspense>
  );
}

export const plugin = new AppPlugin<Settings>()
  .setRootPage(AppRoot)
  .addConfigPage({ id: 'configuration', title: 'Configuration', icon: 'cog', body: ConfigurationBody });

for (const link of links) plugin.addLink(link);
