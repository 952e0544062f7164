import React, { lazy, Suspense } from 'react';
import { AppPlugin } from '@grafana/data';
import { LoadingPlaceholder } from '@grafana/ui';
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

function AppRoot(): React.JSX.Element {
  return (
    <Suspense fallback={<LoadingPlaceholder text="" />}>
      <LazyApp />
    </Suspense>
  );
}

export const plugin = new AppPlugin<Settings>().setRootPage(AppRoot);
