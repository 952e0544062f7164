import React, { lazy, Suspense } from 'react';
import { PanelPlugin } from '@grafana/data';
import { loadWords, useWords } from '../../words/useWords.ts';

function Title(): React.JSX.Element {
  return <p>{useWords().text('tide.title')}</p>;
}

/** Waits for the words alone: panels load nothing later, see webpack.config.js. */
const LazyTitle = lazy(async () => {
  await loadWords();
  return { default: Title };
});

export const plugin = new PanelPlugin(() => (
  <Suspense fallback={null}>
    <LazyTitle />
  </Suspense>
));
