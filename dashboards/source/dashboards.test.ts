import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../exporter/src/metrics/registry.ts';
import { metricNames, metricFacts } from '../../exporter/src/metrics/names.ts';
import { alertGroups } from '../../provisioning/source/groups.ts';
import { dashboards, textOf } from './dashboards.ts';
import { selectorsOf, syntaxError } from './expression.testdata.ts';
import { problems } from './overview/problems.ts';

/** What is read back from the files, with no more certainty than Grafana has. */
interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly datasource: { readonly uid: string };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly noValue?: string; readonly thresholds?: object };
  };
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly label: string;
  readonly query: string;
  readonly datasource?: { readonly uid: string };
  readonly refresh?: number;
  readonly multi?: boolean;
  readonly allValue?: string;
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly editable: boolean;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly links: readonly {
    readonly type: string;
    readonly url?: string;
    readonly tags: readonly string[];
  }[];
}

const folder = new URL('../', import.meta.url);
const names = Object.keys(dashboards);
const textIn = (name: string): string => readFileSync(new URL(`${name}.json`, folder), 'utf8');
const read = (name: string): Dashboard => JSON.parse(textIn(name)) as Dashboard;
const ownPanels = ['lowtide-schedule-panel', 'lowtide-rotation-panel'];

const withoutRows = ({ panels }: Dashboard): readonly Panel[] => panels.filter(({ type }) => type !== 'row');
const withQueries = (dashboard: Dashboard): readonly Panel[] =>
  withoutRows(dashboard).filter(({ type }) => !ownPanels.includes(type));
const expressions = (dashboard: Dashboard): readonly string[] =>
  dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

it('the files in dashboards/ are those of the source; `npm run dashboards` writes them', () => {
  for (const [name, dashboard] of Object.entries(dashboards)) expect(textIn(name)).toBe(textOf(dashboard));
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  expect(files.toSorted()).toEqual(names.map((name) => `${name}.json`).toSorted());
});

describe.each(names)('the dashboard %s', (name) => {
  const dashboard = read(name);

  it('can be provisioned as it is, in the oldest Grafana as well', () => {
    expect(dashboard.uid).toBe(`lowtide-${name}`);
    expect(dashboard.title).toMatch(/^Lowtide \/ /);
    expect(dashboard.editable).toBe(false);
    expect(dashboard.schemaVersion).toBe(39);
    expect(textIn(name)).not.toMatch(/__inputs|__requires|"id": null/);
  });

  it('has panels of ids of their own, which lie beside each other', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(ids.every((id) => id > 0)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  it('asks at most 40 queries', () => {
    expect(expressions(dashboard).length).toBeLessThanOrEqual(40);
  });

  it('leads to the other dashboards and to the app', () => {
    expect(dashboard.links).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'dashboards', tags: ['lowtide'], includeVars: true, keepTime: true }),
        expect.objectContaining({
          url: expect.stringMatching(/^\/a\/lowtide-backups-app\/[a-z]+$/) as string,
        }),
      ]),
    );
  });

  it.each(withoutRows(dashboard).map((panel) => [panel.title, panel] as const))(
    '%s: is described',
    (_, panel) => {
      expect(panel.title).not.toBe('');
      expect(panel.description ?? '').toMatch(/^\S.{30,}\S$/s);
    },
  );

  it.each(withQueries(dashboard).map((panel) => [panel.title, panel] as const))(
    '%s: has unit, thresholds, a word for no data, and queries to the data source that is chosen',
    (_, panel) => {
      const { unit = '', noValue, thresholds } = panel.fieldConfig?.defaults ?? {};
      expect(knownUnits.has(unit) || unit.startsWith('suffix:'), unit).toBe(true);
      expect(noValue).toMatch(/\w/);
      expect(thresholds).toBeDefined();
      expect(panel.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      const { targets = [] } = panel;
      expect(targets.length).toBeGreaterThan(0);
      expect(targets.map(({ datasource }) => datasource.uid)).toEqual(targets.map(() => '${datasource}'));
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    },
  );
});

/** Those of Grafana's (packages/grafana-data, valueFormats/categories.ts) that are in use here. */
const knownUnits = new Set([
  ...['none', 'percent', 'percentunit', 's', 'dtdurations', 'dateTimeFromNow', 'bytes', 'Bps', 'reqps'],
]);

/** The rules of grafana/dashboard-linter for variables and queries, by their names there. */
describe.each(names)('the linter, of %s', (name) => {
  const dashboard = read(name);
  const variables = new Map(dashboard.templating.list.map((variable) => [variable.name, variable]));
  const queried = dashboard.templating.list.filter(({ type }) => type === 'query');
  const selectors = expressions(dashboard).flatMap(selectorsOf);

  it('template-datasource-rule', () => {
    const sources = dashboard.templating.list.filter(({ type }) => type === 'datasource');
    expect(sources).toMatchObject([{ name: 'datasource', label: 'Data source', query: 'prometheus' }]);
  });

  it('template-job-rule, template-instance-rule, template-on-time-change-reload-rule', () => {
    expect(variables.get('job')).toMatchObject({ label: 'Job' });
    expect(variables.get('instance')).toMatchObject({ label: 'Instance' });
    for (const variable of queried) {
      expect(variable).toMatchObject({
        datasource: { uid: '${datasource}' },
        multi: true,
        allValue: '.+',
        refresh: 2,
      });
    }
  });

  it('template-label-promql-rule', () => {
    for (const { name: label, query } of queried) {
      const [, selector = '', wanted] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
      expect(wanted).toBe(label);
      expect(syntaxError(selector)).toBeUndefined();
    }
  });

  it('target-promql-rule', () => {
    expect(expressions(dashboard).map(syntaxError)).toEqual(expressions(dashboard).map(() => undefined));
    expect(selectors.length).toBeGreaterThanOrEqual(expressions(dashboard).length);
  });

  it('target-job-rule, target-instance-rule', () => {
    const loose = selectors.filter(
      ({ text }) => !text.includes('job=~"$job"') || !text.includes('instance=~"$instance"'),
    );
    expect(loose).toEqual([]);
  });

  it('target-rate-interval-rule, target-counter-agg-rule', () => {
    const rates = selectors.filter(({ calls }) => ['rate', 'irate'].includes(calls[0] ?? ''));
    expect(rates.filter(({ range }) => range !== '5m')).toEqual([]);
    const counters = selectors.filter(({ name: metric }) => metric.endsWith('_total'));
    expect(counters.filter(({ calls }) => !['rate', 'increase'].includes(calls[0] ?? ''))).toEqual([]);
  });

  it('variables in queries are variables of the dashboard, and each is used', () => {
    const used = expressions(dashboard).flatMap((text) => text.match(/\$(?!__|\d)\w+/g) ?? []);
    const narrowing = [...variables.keys()].filter((variable) => variable !== 'datasource');
    expect(new Set(used)).toEqual(new Set(narrowing.map((variable) => `$${variable}`)));
  });

  it('every metric is one that an exporter has, or that Prometheus adds to each target', async () => {
    const { registry } = createMetrics(metricNames, { process: true });
    const exported = (await registry.getMetricsAsJSON()).map((metric) => metric.name);
    const parts = metricNames
      .filter((metric) => metricFacts[metric].type === 'histogram')
      .flatMap((metric) => ['bucket', 'sum', 'count'].map((part) => `${metric}_${part}`));
    const gc = ['nodejs_gc_duration_seconds_sum'];
    const all = new Set([...exported, ...parts, ...gc, 'up', 'scrape_samples_scraped']);
    expect(selectors.map(({ name: metric }) => metric).filter((metric) => !all.has(metric))).toEqual([]);
  });
});

it('every metric of Lowtide’s own is shown somewhere', () => {
  const shown = new Set(
    names.flatMap((name) => expressions(read(name)).flatMap(selectorsOf)).map(({ name: metric }) => metric),
  );
  const isShown = (metric: string): boolean =>
    ['', '_bucket', '_sum'].some((part) => shown.has(`${metric}${part}`));
  expect(metricNames.filter((metric) => !isShown(metric))).toEqual([]);
});

it('each row of the overview’s first table leads to the runbook of an alert that there is', () => {
  const alerts = new Set(alertGroups.flatMap((group) => group.alerts.map(({ name }) => name)));
  expect(problems.map(({ runbook }) => runbook).filter((name) => !alerts.has(name))).toEqual([]);
});
