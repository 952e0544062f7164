import { pruneOldVersions, type VersionGroup } from '../retention/old-versions.ts';
import { counted } from '../units/count.ts';
import { formatSize } from '../units/size.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { lockAnswer } from './views.ts';

/** `lowtide backups prune --old-versions [--remove]`: what buckets keep of what was replaced or deleted. */
export async function showOldVersions(
  context: CommandContext,
  { remove, olderThan: safeAgeMs }: { readonly remove: boolean; readonly olderThan: number },
): Promise<ExitCode> {
  await using installation = await openSettled(context);
  const { catalog, stores, clock } = installation;
  const { groups, removed, freedBytes, problems } = await pruneOldVersions({
    ...{ catalog, stores, remove, safeAgeMs },
    now: clock.now(),
    signal: context.terminal.signal,
  });
  const summary = remove
    ? `${counted(removed, 'old version')} removed, ${formatSize(freedBytes)} freed.`
    : summaryOf(groups);
  context.output.answer(
    {
      removing: remove,
      removed,
      freedBytes,
      groups: groups.map((group) => ({ ...group, ...lockAnswer(group) })),
      problems: problems.map(({ store, error }) => ({ store, code: error.code, message: error.message })),
    },
    groups.length === 0 ? summary : `${table(head, groups.map(rowOf))}\n${summary}`,
  );
  const unseen = [...stores.values()].filter(({ type }) => type === 'azure').map(({ id }) => id);
  if (unseen.length > 0) context.output.note(`not looked at: ${unseen.join(', ')} (old versions in Azure)`);
  for (const { store, error } of problems) context.output.note(`problem with ${store}: ${error.message}`);
  return problems.length > 0 ? exitCodes.partly : exitCodes.done;
}

const head = ['STORE', 'OF', 'VERSIONS', 'DELETIONS', 'SIZE', 'VERDICT', 'WHY'];

function rowOf(group: VersionGroup): readonly string[] {
  const { store, kind, backupId, versions, markers, sizeBytes, remove, locked, reason } = group;
  return [
    store,
    backupId ?? kind.replaceAll('_', ' '),
    String(versions),
    String(markers),
    formatSize(sizeBytes),
    locked !== undefined ? 'locked' : remove ? 'remove' : 'leave',
    reason,
  ];
}

function summaryOf(groups: readonly VersionGroup[]): string {
  if (groups.length === 0) return 'No store keeps old versions of what Lowtide has written.';
  const count = (of: readonly VersionGroup[]): number =>
    of.reduce((sum, { versions, markers }) => sum + versions + markers, 0);
  const doomed = groups.filter((group) => group.remove);
  const bytes = doomed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const found = `${count(doomed)} of ${counted(count(groups), 'old version')} may go (${formatSize(bytes)}).`;
  return `${found} Nothing was changed${doomed.length > 0 ? '; with --remove it would be' : ''}.`;
}
