import { describe, expect, it } from 'vitest';
import { resolveAdded } from './added-schedules.ts';
import { parseConfig } from './read.ts';

const { config } = parseConfig(
  `stores: { local: { type: directory, path: ./backups } }
schedules:
  - { id: docs, source: { type: directory, path: /srv }, every: 1d, stores: [local] }
`,
  {
    file: '/etc/lowtide/lowtide.yaml',
    resolveSecret: () => ({ problem: 'there are none' }),
    host: { name: 'db1', timezone: 'UTC' },
  },
);

describe('how long a backup of an added schedule is guessed to take', () => {
  it.each([
    ['as long as one of the schedule that it is like', { every: '12h' }, 1_800_000],
    ['no longer than there is to the next one', { every: '5m' }, 300_000],
    ['no longer than there is to the next one of its cron pattern', { cron: '*/10 * * * *' }, 600_000],
    ['as long as it says', { every: '5m', estimated_duration: '2m' }, 120_000],
  ])('%s', (_, settings, expected) => {
    const schedule = resolveAdded('more', { like: 'docs', ...settings }, config);
    expect(schedule.estimated_duration).toBe(expected);
  });
});
