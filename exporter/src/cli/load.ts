import type { ForecastBasis } from '../load/forecast.ts';
import { presentPressure } from '../load/gauge.ts';
import { resources, type Resource } from '../load/load.ts';
import { recordsOf, requireHost } from '../load/of-host.ts';
import {
  loadStatistics,
  throughputStatistics,
  type LoadStatistics,
  type ThroughputStatistics,
} from '../load/statistics.ts';
import type { HostPressure, PressureAverages } from '../load/pressure.ts';
import type { Flow } from '../load/throughput.ts';
import { accuracyView, pressureView } from '../service/outlook.ts';
import { Tide } from '../service/tide.ts';
import { counted } from '../units/count.ts';
import { toRfc3339 } from '../units/instant.ts';
import { formatPercent, formatPoints } from '../units/share.ts';
import { formatSize } from '../units/size.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';

const hourMs = 3_600_000;
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `lowtide load`: how busy the host was, and when it is quiet. */
export async function load(
  context: CommandContext,
  { hours, host }: { readonly hours: number; readonly host?: string },
): Promise<ExitCode> {
  await using installation = await context.open();
  const { catalog, clock, config } = installation;
  requireHost(config.load, host);
  const now = clock.now();
  const timezone = Temporal.Now.timeZoneId();
  const records = await recordsOf(catalog, host, now - hours * hourMs, now);
  const times = records.map(({ at }) => at);
  const tide = new Tide({ catalog, timezone });
  const marks = config.load.high_water.pressure;
  const forecasts = await tide.forecasts(now, host);
  const accuracies = await tide.accuracy(now, host);
  // Of another host nobody is asked.
  const pressure = host === undefined ? presentPressure('/proc') : undefined;
  const known = resources.map((resource) => {
    const loads = records.map((record) => record[resource]);
    const accuracy = accuracyView(accuracies[resource]);
    const { basis } = forecasts[resource];
    return { resource, basis, accuracy, statistics: loadStatistics(times, loads, timezone) };
  });
  const views = known.flatMap(({ resource, basis, accuracy, statistics }) => {
    if (statistics === undefined && pressure === undefined) return [];
    return [
      {
        resource,
        ...(statistics !== undefined && { ...statistics, maximumAt: toRfc3339(statistics.maximumAt) }),
        basis,
        ...(accuracy !== undefined && { accuracy }),
        ...(pressure !== undefined && { presentPressure: pressureView(pressure[resource]) }),
      },
    ];
  });
  const measured = known.flatMap(({ statistics, ...each }) =>
    statistics === undefined ? [] : [{ ...each, statistics }],
  );
  const rows = measured.map(({ resource, statistics }) => {
    const { mean, median, p95, p99, maximum, trend } = statistics;
    const shares = [mean, median, p95, p99, maximum, trend].map((share) => formatPercent(share));
    return [resource, ...shares, quietest(statistics)];
  });
  const throughput = throughputStatistics(records);
  context.output.answer(
    [...views, ...throughput],
    rows.length === 0
      ? [nothingKnown(host), ...pressureLines(pressure, marks)].join('\n')
      : [
          table(['RESOURCE', 'MEAN', 'MEDIAN', 'P95', 'P99', 'MAX', 'TREND', 'QUIET HOURS'], rows),
          '',
          ...measured.map(
            ({ resource, basis, accuracy }) => `${resource}: ${forecastWords(basis, accuracy)}`,
          ),
          ...throughputLines(throughput),
          ...pressureLines(pressure, marks),
        ].join('\n'),
  );
  return exitCodes.done;
}

function nothingKnown(host: string | undefined): string {
  return host === undefined
    ? 'No load is on record yet: `lowtide serve` measures this host, and files the load every five minutes.'
    : `Nothing is known of ${host} yet: \`lowtide serve\` asks its Prometheus.`;
}

const flowNames: Readonly<Record<Flow, string>> = {
  read: 'read from disks',
  written: 'written to disks',
  received: 'received from the network',
  sent: 'sent to the network',
};

function throughputLines(throughput: readonly ThroughputStatistics[]): readonly string[] {
  if (throughput.length === 0) return [];
  const perSecond = (bytes: number): string => `${formatSize(bytes)}/s`;
  const rows = throughput.map(({ flow, mean, median, p95, maximum }) => [
    flowNames[flow],
    ...[mean, median, p95, maximum].map(perSecond),
  ]);
  return ['', table(['THROUGHPUT', 'MEAN', 'MEDIAN', 'P95', 'MAX'], rows)];
}

/** Of the processors of a whole host there is always somebody who gets on. */
const allMayWait: readonly Resource[] = ['memory', 'disk'];

function pressureLines(
  pressure: HostPressure | undefined,
  marks: Readonly<Record<Resource, number>>,
): readonly string[] {
  if (pressure === undefined) return [];
  const averages = ({ avg10, avg60, avg300 }: PressureAverages): string[] =>
    [avg10, avg60, avg300].map((share) => formatPercent(share, 1));
  const rows = resources.flatMap((resource) => {
    const { some, full } = pressure[resource];
    return [
      [`${resource}, some work`, ...averages(some), formatPercent(marks[resource])],
      ...(allMayWait.includes(resource) ? [[`${resource}, all work`, ...averages(full)]] : []),
    ];
  });
  return ['', table(['PRESSURE NOW', '10 S', '60 S', '300 S', 'HOLDS UP A START ABOVE'], rows)];
}

const basisWords: Readonly<Record<ForecastBasis, string>> = {
  none: 'nothing is known that a forecast could rest on',
  level: 'less than a day is known: the same load is expected throughout',
  days: 'forecast from the days so far',
  weeks: 'forecast from weeks',
  yesterday: 'forecast as yesterday over again, which has chosen better than what was learned',
};

function forecastWords(basis: ForecastBasis, accuracy: ReturnType<typeof accuracyView>): string {
  const words = `${basisWords[basis]}.`;
  if (accuracy === undefined) return words;
  const { days, regret, randomRegret } = accuracy;
  const [learned, yesterday, random] = [regret.learned, regret.yesterday, randomRegret].map(formatPoints);
  return `${words} Over ${counted(days, 'day')} starts chosen by what was learned met ${learned} more than the lowest load, by yesterday's curve ${yesterday}, at random ${random}.`;
}

/** `Mon 2 3 4, Tue 3 4 5`. */
function quietest({ quietHours }: Pick<LoadStatistics, 'quietHours'>): string {
  return quietHours
    .map(({ weekday, hours }) => `${weekdays[weekday - 1] ?? ''} ${hours.join(' ')}`)
    .join(', ');
}
