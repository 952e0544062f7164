import { resources } from '../load/load.ts';
import { loadStatistics, type LoadStatistics } from '../load/statistics.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';

const hourMs = 3_600_000;
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `lowtide load`: how busy the host was, and when it is quiet. */
export async function load(
  context: CommandContext,
  { hours }: { readonly hours: number },
): Promise<ExitCode> {
  await using installation = await context.open();
  const { catalog, clock } = installation;
  const now = clock.now();
  const timezone = Temporal.Now.timeZoneId();
  const records = catalog.load.records('coarse', now - hours * hourMs, now);
  const times = records.map(({ at }) => at);
  const measured = resources.flatMap((resource) => {
    const loads = records.map((record) => record[resource]);
    const statistics = loadStatistics(times, loads, timezone);
    return statistics === undefined ? [] : [{ resource, ...statistics }];
  });
  const rows = measured.map(({ resource, ...figures }) => [
    resource,
    ...[figures.mean, figures.median, figures.p95, figures.maximum, figures.trend].map(percent),
    quietest(figures),
  ]);
  context.output.answer(
    measured,
    rows.length === 0
      ? 'Nothing has been measured yet: `lowtide serve` measures the load of this host.'
      : table(['RESOURCE', 'MEAN', 'MEDIAN', 'P95', 'MAX', 'TREND', 'QUIET HOURS'], rows),
  );
  return exitCodes.done;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** `Mon 2 3 4, Tue 3 4 5`. */
function quietest({ quietHours }: LoadStatistics): string {
  return quietHours
    .map(({ weekday, hours }) => `${weekdays[weekday - 1] ?? ''} ${hours.join(' ')}`)
    .join(', ');
}
