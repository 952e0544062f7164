import { PanelPlugin, type PanelProps } from '@grafana/data';
import React, { lazy, Suspense } from 'react';
import { loadWords, textNow } from '../../words/useWords.ts';
import { defaultOptions, type ScheduleOptions } from './options.ts';
import { SchedulePanel } from './SchedulePanel.tsx';

/** Waits for the words alone: panels load nothing later, see webpack.config.js. */
const Panel = lazy(async () => {
  await loadWords();
  return { default: SchedulePanel };
});

export const plugin = new PanelPlugin<ScheduleOptions>((props: PanelProps<ScheduleOptions>) => (
  <Suspense fallback={null}>
    <Panel {...props} />
  </Suspense>
)).setPanelOptions((builder) =>
  builder
    .addTextInput({
      path: 'schedules',
      name: textNow('options.schedules'),
      description: textNow('options.schedules.meaning'),
      settings: { placeholder: textNow('options.schedules.all') },
      defaultValue: defaultOptions.schedules,
    })
    .addTextInput({
      path: 'hosts',
      name: textNow('options.hosts'),
      description: textNow('options.hosts.meaning'),
      settings: { placeholder: textNow('options.hosts.own') },
      defaultValue: defaultOptions.hosts,
    })
    .addRadio({
      path: 'resource',
      name: textNow('options.resource'),
      defaultValue: defaultOptions.resource,
      settings: {
        options: [
          { value: 'cpu', label: textNow('tide.resource.cpu') },
          { value: 'memory', label: textNow('tide.resource.memory') },
          { value: 'disk', label: textNow('tide.resource.disk') },
          { value: 'all', label: textNow('options.resource.all') },
        ],
      },
    })
    .addNumberInput({
      path: 'comingHours',
      name: textNow('options.comingHours'),
      description: textNow('options.comingHours.meaning'),
      defaultValue: defaultOptions.comingHours,
      settings: { min: 0, max: 168, integer: true },
    })
    .addRadio({
      path: 'view',
      name: textNow('tide.view'),
      defaultValue: defaultOptions.view,
      settings: {
        options: [
          { value: 'chart', label: textNow('tide.asChart') },
          { value: 'table', label: textNow('tide.asTable') },
        ],
      },
    })
    .addRadio({
      path: 'laneSize',
      name: textNow('options.laneSize'),
      defaultValue: defaultOptions.laneSize,
      settings: {
        options: [
          { value: 'compact', label: textNow('options.laneSize.compact') },
          { value: 'normal', label: textNow('options.laneSize.normal') },
          { value: 'roomy', label: textNow('options.laneSize.roomy') },
        ],
      },
      showIf: ({ view }) => view === 'chart',
    })
    .addBooleanSwitch({
      path: 'isLegendShown',
      name: textNow('options.legend'),
      defaultValue: defaultOptions.isLegendShown,
      showIf: ({ view }) => view === 'chart',
    }),
);
