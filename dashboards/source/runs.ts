import { grownBy, series } from './promql.ts';
import { colours, plain, shown } from './looks.ts';
import { counts, type PanelFacts } from './panels.ts';

/** Panels on runs that several dashboards show, each in its own size and words. */

type Words = Pick<PanelFacts, 'description' | 'empty' | 'size'>;

export const runsByEnd = (words: Words): ReturnType<typeof counts> =>
  counts({
    ...words,
    title: 'Runs by how they ended',
    unit: 'none',
    thresholds: plain(),
    queries: [[`round(sum by (status) (${grownBy(series('backup_total'), '$__interval')}))`, '{{status}}']],
  })
    .overrideByName('completed', [shown.coloured(colours.good)])
    .overrideByName('failed', [shown.coloured(colours.bad)])
    .overrideByName('cancelled', [shown.coloured(colours.doubtful)]);

export const errorsByPlace = (words: Words): ReturnType<typeof counts> =>
  counts({
    ...words,
    title: 'Errors by where they arose',
    unit: 'none',
    thresholds: plain(),
    queries: [
      [
        `round(sum by (error_type) (${grownBy(series('backup_errors_total'), '$__interval')}))`,
        '{{error_type}}',
      ],
    ],
  });
