import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellHeight,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
  type DataSourceRef,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  PanelBuilder as AnyPanel,
  type ThresholdsConfigBuilder,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';

/** The kinds of panels that the dashboards are made of, with what all of a kind have in common. */

export const dataSource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

export interface PanelFacts {
  readonly title: string;
  /** What it tells, and what to do about it. */
  readonly description: string;
  readonly unit: string;
  /** Shown in place of a value that is not there: why that may be. */
  readonly empty: string;
  readonly thresholds: ThresholdsConfigBuilder;
  readonly mappings?: readonly ValueMapping[];
  readonly size: readonly [width: number, height: number];
  /** PromQL, with the legend of each; named A, B, C in this order. */
  readonly queries: readonly (readonly [expression: string, legend: string])[];
}

interface Common {
  title(title: string): this;
  description(description: string): this;
  datasource(source: DataSourceRef): this;
  unit(unit: string): this;
  noValue(text: string): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  mappings(mappings: ValueMapping[]): this;
  span(width: number): this;
  height(height: number): this;
  targets(targets: Builder<Dataquery>[]): this;
}

type Moment = 'now' | 'over time';

function common<P extends Common>(panel: P, facts: PanelFacts, moment: Moment, format?: PromQueryFormat): P {
  const targets = facts.queries.map(([expression, legend], index) => {
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode(65 + index))
      .datasource(dataSource)
      .expr(expression)
      .legendFormat(legend);
    if (format !== undefined) query.format(format);
    return moment === 'now' ? query.instant() : query.range();
  });
  if (facts.mappings !== undefined) panel.mappings([...facts.mappings]);
  return panel
    .title(facts.title)
    .description(facts.description)
    .datasource(dataSource)
    .unit(facts.unit)
    .noValue(facts.empty)
    .thresholds(facts.thresholds)
    .span(facts.size[0])
    .height(facts.size[1])
    .targets(targets);
}

const latest = (): ReduceDataOptionsBuilder => new ReduceDataOptionsBuilder().calcs(['lastNotNull']);
const byThresholds = (): FieldColorBuilder => new FieldColorBuilder().mode(FieldColorModeId.Thresholds);
const byName = (): FieldColorBuilder => new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName);

/** One value, or few, as of now. */
export function stat(facts: PanelFacts): Stat {
  return common(new Stat(), facts, 'now')
    .reduceOptions(latest())
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .textMode(
      facts.queries.some(([, legend]) => legend !== '')
        ? BigValueTextMode.ValueAndName
        : BigValueTextMode.Value,
    )
    .colorScheme(byThresholds());
}

/** A verdict: the whole panel has the colour. */
export const verdict = (facts: PanelFacts): Stat =>
  stat(facts).colorMode(BigValueColorMode.Background).textMode(BigValueTextMode.Value);

/** The largest of many, as of now. */
export function bars(facts: PanelFacts): BarGauge {
  return common(new BarGauge(), facts, 'now')
    .reduceOptions(latest())
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Gradient)
    .colorScheme(byThresholds());
}

/** Rows as of now; several queries become columns of the same rows, named `Value #A` and so on. */
export function table(facts: PanelFacts): Table {
  const panel = common(new Table(), facts, 'now', PromQueryFormat.Table).cellHeight(TableCellHeight.Sm);
  panel.filterable(true);
  return facts.queries.length > 1 ? panel.withTransformation({ id: 'merge', options: {} }) : panel;
}

/** Leaves columns out, and puts the others in order. */
export function columns(
  order: readonly string[],
  hidden: readonly string[],
): { id: string; options: unknown } {
  return {
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(['Time', 'job', '__name__', ...hidden].map((name) => [name, true])),
      indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
      renameByName: {},
    },
  };
}

/** A course of values. */
export function course(facts: PanelFacts): TimeSeries {
  return common(new TimeSeries(), facts, 'over time')
    .colorScheme(byName())
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .legend(legend())
    .tooltip(tooltip());
}

/** Backups are rare: in less than this there is hardly one, and Prometheus needs some scrapes to see a counter grow. */
const shortestBar = '5m';

/** A course of averages over stretches of time, of what seldom happens. */
export const averages = (facts: PanelFacts): TimeSeries =>
  course(facts)
    .maxDataPoints(60)
    .interval(shortestBar)
    .showPoints(VisibilityMode.Auto)
    .spanNulls(true)
    .min(0);

/** How often something happened: bars, one upon the other. */
export function counts(facts: PanelFacts): TimeSeries {
  return common(new TimeSeries(), facts, 'over time')
    .colorScheme(byName())
    .drawStyle(GraphDrawStyle.Bars)
    .lineWidth(1)
    .fillOpacity(70)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
    .maxDataPoints(60)
    .interval(shortestBar)
    .axisSoftMin(0)
    .decimals(0)
    .legend(legend())
    .tooltip(tooltip());
}

/** What was well when. */
export function states(facts: PanelFacts): StateTimeline {
  return common(new StateTimeline(), facts, 'over time')
    .colorScheme(byThresholds())
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .maxDataPoints(240)
    .legend(legend())
    .tooltip(tooltip());
}

/** A panel of the Lowtide app, which asks the exporter by itself. */
export function ofTheApp(
  type: 'lowtide-schedule-panel' | 'lowtide-rotation-panel',
  {
    title,
    description,
    size,
    options,
  }: Pick<PanelFacts, 'title' | 'description' | 'size'> & { options: object },
): AnyPanel {
  return new AnyPanel()
    .type(type)
    .title(title)
    .description(description)
    .options(options)
    .span(size[0])
    .height(size[1]);
}

const legend = (): VizLegendOptionsBuilder =>
  new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([]);

const tooltip = (): VizTooltipOptionsBuilder =>
  new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending);
