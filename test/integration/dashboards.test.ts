import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { metricNames } from '../../exporter/src/metrics/names.ts';
import { dashboards } from '../../dashboards/source/dashboards.ts';
import { grafanaQueries, type GrafanaQuery } from '../servers/grafana-queries.ts';
import { livedIn, type LivedIn } from '../servers/lived-in.ts';
import { everyTwoSeconds } from '../servers/prometheus.ts';
import { TestService, tokens } from '../servers/service.ts';

interface Answer {
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number, string])[];
    }[];
  };
}

const waiting = { timeout: 120_000, interval: 1000 };

/** Some of the load is measured only where no backup runs. */
const idleSchedule =
  '  - { id: idle, source: { type: command, argv: [echo, x] }, cron: "0 0 1 1 *", stores: [local] }';

let life: LivedIn;
let idle: TestService;
beforeAll(async () => {
  idle = await TestService.start(idleSchedule, { more: `${tokens}\nload: { sample_interval: 10s }` });
  life = await livedIn({
    prometheus: (target) => ({
      config: {
        global: everyTwoSeconds,
        scrape_configs: [{ job_name: 'backups', static_configs: [{ targets: [target, idle.address] }] }],
      },
    }),
  });
  await life.prometheus.query('increase(backup_skipped_total[1m]) > 0');
  await life.prometheus.query('backup_load_pressure_ratio');
});
afterAll(async () => {
  await life[Symbol.asyncDispose]();
  await idle[Symbol.asyncDispose]();
});

async function ask({ path, expression }: GrafanaQuery): Promise<NonNullable<Answer['data']>['result']> {
  const answer = (await (await fetch(`${life.prometheus.url}${path}`)).json()) as Answer;
  if (answer.data === undefined) throw new Error(`${expression}: ${answer.error ?? 'no answer'}`);
  return answer.data.result;
}

/** Whether a figure is found anywhere in what a panel would show. */
async function isAnswered(query: GrafanaQuery): Promise<boolean> {
  const result = await ask(query);
  return result.some(({ value, values = [] }) =>
    [...values, ...(value === undefined ? [] : [value])].some(([, figure]) => figure !== 'NaN'),
  );
}

function queriesOf(name: string): readonly GrafanaQuery[] {
  const now = Math.floor(Date.now() / 1000);
  const dashboard = dashboards[name];
  if (dashboard === undefined) throw new Error(`there is no dashboard ${name}`);
  return grafanaQueries(dashboard, { now, range: 60, scrapeInterval: 2, shortestStep: 10 });
}

async function unansweredOf(name: string): Promise<readonly string[]> {
  const unanswered: string[] = [];
  for (const query of queriesOf(name)) if (!(await isAnswered(query))) unanswered.push(nameOf(query));
  return unanswered;
}

const nameOf = ({ panel, refId }: GrafanaQuery): string => `${panel}, ${refId}`;

const troubles = [
  'now: A copy did not pass its verification within a day: ',
  'now: A health check fails: encryption',
  'now: A store cannot be used: offsite',
  'now: No backup at all: broken',
  'now: No backup at all: endless',
  'now: No backup at all: idle',
  'now: The key of some backups is gone: KEY',
  'today: A changed config was not taken up: ',
  'today: Due times were missed within a day: impatient',
  'today: It is not proven that backups can be restored: ',
  'today: Paused, without a backup that is fresh: resting',
];

/** The overview's first table, as a person reads it. */
async function rowsOfTable(): Promise<readonly string[]> {
  const query = queriesOf('overview').find(({ panel }) => panel.startsWith('What is not safe'))!;
  return (await ask(query)).map(({ metric: { urgency = '', problem = '', which = '' } }) =>
    `${urgency}: ${problem}: ${which}`.replace(/key-\w+/, 'KEY'),
  );
}

describe('from an exporter to which everything has happened', () => {
  it('every metric there is is known', async () => {
    // A part that is late on a busy machine is on the next page.
    await vi.waitFor(async () => {
      const known = await life.prometheus.ask('count by (__name__) ({job="backups"})');
      const names = known.map(({ metric }) => metric['__name__']?.replace(/_bucket$/, ''));
      expect(metricNames.filter((name) => !names.includes(name))).toEqual([]);
    }, waiting);
  });

  it.each(Object.keys(dashboards))('each query of the dashboard %s has an answer', async (name) => {
    // A busy machine may leave a part of one page out.
    await vi.waitFor(async () => expect(await unansweredOf(name)).toEqual([]), waiting);
  });

  it('the overview tells what is not safe, which, how urgent it is, and what to do', async () => {
    await vi.waitFor(async () => {
      const rows = await rowsOfTable();
      expect(rows).toEqual(expect.arrayContaining(troubles));
      const verdict = queriesOf('overview').find(({ panel }) => panel === 'Is everything safe?')!;
      expect((await ask(verdict))[0]?.value?.[1]).toBe(String(rows.length));
    }, waiting);
  });
});
