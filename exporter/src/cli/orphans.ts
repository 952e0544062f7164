import { pruneOrphans, type Orphan } from '../retention/orphans.ts';
import { toRfc3339 } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { lockAnswer, shownTime } from './views.ts';
import { counted } from '../units/count.ts';

/** `lowtide backups prune --orphans [--remove]`: what lies in the stores and belongs to no backup. */
export async function showOrphans(
  context: CommandContext,
  { remove, olderThan: safeAgeMs }: { readonly remove: boolean; readonly olderThan: number },
): Promise<ExitCode> {
  await using installation = await openSettled(context);
  const { catalog, stores, clock } = installation;
  const { orphans, removed, freedBytes, problems } = await pruneOrphans({
    ...{ catalog, stores, remove, safeAgeMs },
    now: clock.now(),
    signal: context.terminal.signal,
  });
  const summary = remove
    ? `${counted(removed, 'orphan')} removed, ${formatSize(freedBytes)} freed.`
    : summaryOf(orphans);
  context.output.answer(
    {
      removing: remove,
      removed,
      freedBytes,
      orphans: orphans.map(({ touchedAt, ...orphan }) => ({
        ...orphan,
        ...lockAnswer(orphan),
        ...(touchedAt !== undefined && { touchedAt: toRfc3339(touchedAt) }),
      })),
      problems: problems.map(({ store, error }) => ({ store, code: error.code, message: error.message })),
    },
    orphans.length === 0 ? summary : `${table(head, orphans.map(rowOf))}\n${summary}`,
  );
  for (const { store, error } of problems) context.output.note(`problem with ${store}: ${error.message}`);
  return problems.length > 0 ? exitCodes.partly : exitCodes.done;
}

const head = ['STORE', 'WHAT', 'NAME', 'SIZE', 'WRITTEN', 'VERDICT', 'WHY'];

function rowOf({
  store,
  kind,
  names,
  sizeBytes,
  touchedAt,
  remove,
  locked,
  reason,
}: Orphan): readonly string[] {
  const more = names.length > 1 ? ` and ${names.length - 1} more` : '';
  return [
    store,
    kind.replaceAll('_', ' '),
    `${names[0] ?? ''}${more}`,
    formatSize(sizeBytes),
    touchedAt === undefined ? '' : shownTime(touchedAt),
    locked !== undefined ? 'locked' : remove ? 'remove' : 'leave',
    reason,
  ];
}

function summaryOf(orphans: readonly Orphan[]): string {
  if (orphans.length === 0) return 'Nothing lies in the stores that belongs to no backup.';
  const doomed = orphans.filter((orphan) => orphan.remove);
  const bytes = doomed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const found = `${doomed.length} of ${counted(orphans.length, 'orphan')} may go (${formatSize(bytes)}).`;
  return `${found} Nothing was changed${doomed.length > 0 ? '; with --remove it would be' : ''}.`;
}
