import { setImmediate } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { coarseStepMs } from '../load/load.ts';
import { highWaterOf, recordsOf, requireHost } from '../load/of-host.ts';
import { replay, type Replay } from '../load/replay/replay.ts';
import { choosers, type ChosenTally, type Tally } from '../load/replay/tally.ts';
import { Learning } from '../service/learning.ts';
import { activeSchedules } from '../service/tide.ts';
import { counted } from '../units/count.ts';
import { formatDuration, parseDuration } from '../units/duration.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { formatPercent } from '../units/share.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { shownTime } from './views.ts';

const dayMs = 86_400_000;
const restEveryMs = 50;

/** Reads `--replay`. */
export function replaySpan(text: string): number {
  const span = parseDuration(text);
  if (span === undefined || span < dayMs)
    throw new InvalidArgumentError('It must be a day or more, as in 14d.');
  return span;
}

/** `lowtide plan --replay 14d`: what would have been, had Lowtide planned the past days. Nothing is started or changed. */
export async function replayPast(
  context: CommandContext,
  spanMs: number,
  host: string | undefined,
): Promise<ExitCode> {
  await using installation = await context.open();
  const now = installation.clock.now();
  requireHost(installation.config.load, host);
  const result = await replayed(context, installation, now, { spanMs, host });
  if (result.total.runs === 0 && result.leftOut.tooEarly + result.leftOut.unknown > 0)
    throw unknown(result, now);
  const nothing = `No backup was due in the last ${formatDuration(spanMs)} whose last possible run is over.`;
  context.output.answer(view(result), result.total.runs === 0 ? nothing : text(result));
  return exitCodes.done;
}

/** The schedules of one host, by its load: `host` is one of load.hosts; undefined: this one. */
async function replayed(
  context: CommandContext,
  { catalog, config }: Installation,
  now: EpochMs,
  { spanMs, host }: { readonly spanMs: number; readonly host: string | undefined },
): Promise<Replay> {
  const learning = new Learning(catalog);
  const schedules = (await activeSchedules(catalog, config.schedules)).filter((each) => each.host === host);
  await learning.learn(schedules, now);
  const until = Math.floor(now / coarseStepMs) * coarseStepMs;
  const { signal, elapsed } = context.terminal;
  using progress = context.shareProgress(`Replaying ${formatDuration(spanMs)}`);
  let restedAt = elapsed();
  return await replay({
    jobs: schedules.map((schedule) => ({ schedule, expected: learning.of(schedule) })),
    records: await recordsOf(catalog, host, 0, until),
    from: now - spanMs,
    until,
    timezone: Temporal.Now.timeZoneId(),
    highWater: highWaterOf(config.load, host),
    async onStep(done) {
      progress.update(done);
      // It is all reckoning: without a rest nothing would be heard of Ctrl-C.
      if (elapsed() - restedAt < restEveryMs) return;
      await setImmediate();
      signal.throwIfAborted();
      restedAt = elapsed();
    },
  });
}

function unknown({ historyFrom }: Replay, now: EpochMs): LowtideError {
  const known =
    historyFrom === undefined
      ? 'no load is on record'
      : `the load on record begins ${formatDuration(Math.floor((now - historyFrom) / 60_000) * 60_000)} ago, or has gaps in every window`;
  return new LowtideError('load_unknown', `nothing can be replayed: ${known}`, {
    hint: '`lowtide serve` records the load: from the second day on there is something to replay, after two weeks it says most. load.history.prometheus brings weeks at once.',
  });
}

function view({ from, until, historyFrom, total, schedules, leftOut }: Replay): Record<string, unknown> {
  return {
    from: toRfc3339(from),
    until: toRfc3339(until),
    ...(historyFrom !== undefined && { historyFrom: toRfc3339(historyFrom) }),
    leftOut: { ...leftOut },
    total: tallyView(total),
    schedules: schedules.map(({ schedule, ...tally }) => ({ schedule, ...tallyView(tally) })),
  };
}

function tallyView({ runs, random, best, ...chosen }: Tally): Record<string, unknown> {
  if (runs === 0) return { runs };
  return {
    runs,
    randomLoad: random,
    bestLoad: best,
    ...Object.fromEntries(choosers.map((chooser) => [chooser, { ...chosen[chooser] }])),
  };
}

const chooserWords = { lowtide: 'Lowtide', yesterday: "yesterday's curve", fixed: 'fixed 02:00' };

function text(result: Replay): string {
  const { total, schedules } = result;
  const head = [
    'SCHEDULE',
    'RUNS',
    'CHOSEN BY',
    'LOAD MET',
    'GAP CLOSED',
    'PEAKS',
    'COLLISIONS',
    'LATE',
    'MISSED',
  ];
  const rows = [
    ...schedules.flatMap(({ schedule, ...tally }) => tallyRows(schedule, tally)),
    ...(schedules.length > 1 ? tallyRows('all', total) : []),
  ];
  return [summary(result), '', table(head, rows), '', ...doubts(result)].join('\n').trimEnd();
}

function tallyRows(name: string, tally: Tally): string[][] {
  const runs = String(tally.runs);
  const load = (share: number): string => formatPercent(share, 1);
  const chosen = (each: ChosenTally): string[] => [
    load(each.load),
    each.gapClosed === undefined ? '' : formatPercent(each.gapClosed),
    ...[each.peaks, each.collisions, each.late, each.missed].map(String),
  ];
  const rows = [
    ...choosers.map((chooser) => [chooserWords[chooser], ...chosen(tally[chooser])]),
    ['at random', load(tally.random), '0 %'],
    ['the best there was', load(tally.best), '100 %'],
  ];
  return rows.map((row, index) => (index === 0 ? [name, runs, ...row] : ['', '', ...row]));
}

function summary({ from, until, total }: Replay): string {
  return `${counted(total.runs, 'backup')} from ${shownTime(from)} to ${shownTime(until)}, as Lowtide would have planned them.`;
}

/** What the figures do not rest on. */
function doubts({ from, historyFrom = from, leftOut }: Replay): string[] {
  const days = Math.floor((from - historyFrom) / dayMs);
  return [
    ...(leftOut.tooEarly > 0
      ? [
          `${leftOut.tooEarly === 1 ? 'One earlier one is' : `${leftOut.tooEarly} earlier ones are`} left out: less than a day of load is known from before.`,
        ]
      : []),
    ...(leftOut.unknown > 0
      ? [
          leftOut.unknown === 1
            ? 'One is left out: the load in its window is not known throughout.'
            : `${leftOut.unknown} are left out: the load in their windows is not known throughout.`,
        ]
      : []),
    ...(days < 14
      ? [
          `The first of them had ${days === 1 ? 'one day' : `${days} days`} of load to go by, which is little.`,
        ]
      : []),
  ];
}
