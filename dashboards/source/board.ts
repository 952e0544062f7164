import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Panel,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { placeAll } from './grid.ts';
import { dataSource } from './panels.ts';

/** What makes a dashboard of panels: variables, links, places on the grid, ids. */

export interface BoardFacts {
  readonly uid: string;
  readonly title: string;
  /** The question it answers. */
  readonly description: string;
  /** How far back it looks at first, as in `7d`. */
  readonly range: string;
  readonly variables: readonly (keyof typeof narrowing)[];
  /** The page of the app that is about the same. */
  readonly page: 'overview' | 'schedules' | 'backups' | 'keys' | 'activity';
  readonly rows: readonly { readonly title?: string; readonly panels: readonly Builder<Panel>[] }[];
}

/** The oldest Grafana that is supported knows no later one; newer ones bring it up to date as they load it. */
const schemaVersion = 39;

/** The classic form: the one that Grafana 11 and 12 read, and 13 still does. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- see above
const newDashboard = (title: string): DashboardBuilder => new DashboardBuilder(title);
export type Board = ReturnType<ReturnType<typeof newDashboard>['build']>;

export const appRoot = '/a/lowtide-backups-app';

export function board(facts: BoardFacts): Board {
  const builder = newDashboard(facts.title)
    .uid(facts.uid)
    .description(facts.description)
    .tags(['lowtide', 'backups'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: `now-${facts.range}`, to: 'now' })
    .refresh('1m')
    .variables([sourceVariable(), ...variablesOf(facts)])
    .links(linksOf(facts));
  for (const { title, panels } of facts.rows) {
    if (title !== undefined) builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  const made = builder.build();
  const panels = made.panels ?? [];
  const places = placeAll(
    panels.map(({ type, gridPos }) => ({
      w: gridPos?.w ?? 24,
      h: gridPos?.h ?? 1,
      isHeading: type === 'row',
    })),
  );
  for (const [index, panel] of panels.entries()) {
    panel.id = index + 1;
    panel.gridPos = { ...panel.gridPos, ...(places[index] ?? { x: 0, y: 0, w: 24, h: 1 }) };
  }
  return { ...made, schemaVersion };
}

const here = '{job=~"$job", instance=~"$instance"}';

/** What further variables offer, from a metric that every schedule, or every kind of backup, has. */
const narrowing = {
  schedule: { label: 'Schedule', query: `label_values(backup_schedule_interval_seconds${here}, schedule)` },
  type: { label: 'Type', query: `label_values(backup_total${here}, type)` },
};

function variablesOf({ variables }: BoardFacts): Builder<VariableModel>[] {
  return [
    queryVariable('job', 'Job', 'label_values(lowtide_build_info, job)'),
    queryVariable('instance', 'Instance', 'label_values(lowtide_build_info{job=~"$job"}, instance)'),
    ...variables.map((name) => {
      const { label, query } = narrowing[name];
      return queryVariable(name, label, query);
    }),
  ];
}

function sourceVariable(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus').regex('');
}

function queryVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(dataSource)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalCaseInsensitiveAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: ['All'], value: ['$__all'] });
}

function linksOf({ page }: BoardFacts): DashboardLinkBuilder[] {
  return [
    new DashboardLinkBuilder('Lowtide')
      .type(DashboardLinkType.Dashboards)
      .tags(['lowtide'])
      .tooltip('The other dashboards of Lowtide')
      .includeVars(true)
      .keepTime(true),
    new DashboardLinkBuilder('App')
      .type(DashboardLinkType.Link)
      .icon('apps')
      .tooltip('The same in the Lowtide app, where things can be done')
      .url(`${appRoot}/${page}`),
  ];
}
