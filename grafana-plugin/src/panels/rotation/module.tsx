import { PanelPlugin, type PanelProps } from '@grafana/data';
import React, { lazy, Suspense } from 'react';
import { loadWords, textNow } from '../../words/useWords.ts';
import { RotationPanel, type RotationOptions } from './RotationPanel.tsx';

/** Waits for the words alone: panels load nothing later, see webpack.config.js. */
const Panel = lazy(async () => {
  await loadWords();
  return { default: RotationPanel };
});

export const plugin = new PanelPlugin<RotationOptions>((props: PanelProps<RotationOptions>) => (
  <Suspense fallback={null}>
    <Panel {...props} />
  </Suspense>
)).setPanelOptions((builder) =>
  builder
    .addTextInput({
      path: 'host',
      name: textNow('options.host'),
      description: textNow('options.host.meaning'),
      settings: { placeholder: textNow('options.hosts.own') },
      defaultValue: '',
    })
    .addBooleanSwitch({
      path: 'isCensusShown',
      name: textNow('options.census'),
      defaultValue: true,
      showIf: ({ host }) => host === '',
    }),
);
