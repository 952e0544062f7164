import { reviewView } from '../api/review-view.ts';
import { backupView, verdictView } from '../api/views.ts';
import type { Backup, BackupFilter, Catalog } from '../catalog/catalog.ts';
import type { RunReview } from '../catalog/reviews.ts';
import type { SnapshotState } from '../catalog/snapshots.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { BackupVerification } from '../run/verify.ts';
import { isManifestName } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { formatPercent } from '../units/share.ts';
import { formatSize } from '../units/size.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { shownTime } from './views.ts';

export interface ListOptions {
  readonly schedule?: string;
  readonly key?: string;
  readonly pruned?: boolean;
  readonly limit: number;
}

const pageSize = 500;

/** `lowtide backups`: what is stored, newest first. */
export async function listBackups(context: CommandContext, options: ListOptions): Promise<ExitCode> {
  await using installation = await openSettled(context);
  const filter = {
    ...(options.schedule !== undefined && { schedule: options.schedule }),
    ...(options.key !== undefined && { keyId: options.key }),
    ...(options.pruned !== true && { status: 'completed' as const }),
  };
  const backups = (await Array.fromAsync(allBackups(installation.catalog, filter))).slice(0, options.limit);
  const reviews = await installation.catalog.reviews.of(backups.map(({ manifest }) => manifest.runId));
  const rows = backups.map((backup) => [
    backup.id,
    shownTime(backup.createdAt),
    formatSize(backup.sizeBytes),
    formatSize(backup.storedBytes),
    metLoad(reviews.get(backup.manifest.runId)),
    backup.keyId,
    backup.snapshot === undefined
      ? backup.copies.map((copy) => `${copy.store}: ${copyStatus(copy)}`).join(', ')
      : `${backup.manifest.source.type}: ${copyStatus(backup.snapshot)}`,
  ]);
  const isNarrowed = options.schedule !== undefined || options.key !== undefined;
  const empty = rows.length > 0 ? '' : isNarrowed ? noneOfThese : await explainEmpty(installation.stores);
  context.output.answer(
    backups.map((backup) => ({
      ...backupView(backup, (store, name) => installation.stores.get(store)?.locate(name)),
      run: { id: backup.manifest.runId, ...reviewView(reviews.get(backup.manifest.runId)) },
    })),
    rows.length === 0
      ? empty
      : table(['BACKUP', 'CREATED', 'SIZE', 'STORED', 'LOAD MET', 'KEY', 'COPIES'], rows),
  );
  return exitCodes.done;
}

/** `lowtide backups verify ID | --all`. */
export async function verifyBackups(
  context: CommandContext,
  id: string | undefined,
  options: { readonly all?: boolean },
): Promise<ExitCode> {
  if ((id === undefined) === (options.all !== true)) {
    throw new LowtideError('usage', 'name one backup, or give --all', {
      hint: '`lowtide backups` lists them.',
    });
  }
  await using installation = await openSettled(context);
  await installation.takeEnvironmentKey();
  const { catalog, jobs } = installation;
  const chosen =
    id === undefined
      ? [...eachOnce(await Array.fromAsync(allBackups(catalog, { status: 'completed' })))]
      : [await backupNamed(catalog, id)];
  const results: { readonly backup: Backup; readonly verification: BackupVerification }[] = [];
  for (const backup of chosen) {
    using progress = context.progress(`Verifying ${backup.id}`, backup.storedBytes * backup.copies.length);
    const signal = context.terminal.signal;
    results.push({
      backup,
      verification: await jobs.verify(backup, { signal, onProgress: progress.update }),
    });
  }
  const copies = results.flatMap(({ backup, verification }) =>
    verification.copies.map((copy) => ({ backup: backup.id, ...copy })),
  );
  context.output.answer(
    results.map(({ backup, verification }) => ({
      id: backup.id,
      copies: verification.copies.map(verdictView),
    })),
    table(
      ['BACKUP', 'STORE', 'RESULT', 'WHY'],
      copies.map((copy) => [
        copy.backup,
        copy.store,
        copy.status,
        copy.error?.message ?? copy.warnings.join('; '),
      ]),
    ),
  );
  if (copies.every((copy) => copy.status === 'passed')) return exitCodes.done;
  return results.length > 1 && copies.some((copy) => copy.status === 'passed')
    ? exitCodes.partly
    : exitCodes.failed;
}

const noneOfThese = 'There are no such backups: `lowtide backups` lists all there are.';

/** A catalog that was lost and begun anew knows nothing, while the stores may be full. */
async function explainEmpty(stores: ReadonlyMap<string, Store>): Promise<string> {
  for (const store of stores.values()) {
    for await (const { name } of store.list('')) {
      if (!isManifestName(name)) continue;
      return `The catalog knows of no backups, but store ${store.id} holds some: \`lowtide catalog rebuild\` brings them back.`;
    }
  }
  return 'No backups yet: `lowtide backup SCHEDULE` makes one now, `lowtide serve` makes them when due.';
}

export async function backupNamed(catalog: Catalog, id: string): Promise<Backup> {
  const backup = await catalog.backup(id);
  if (backup !== undefined) return backup;
  throw new LowtideError('not_found', `there is no backup ${id}`, { hint: '`lowtide backups` lists them.' });
}

/** One check of a repository tells of all that a schedule has in it: that of its newest is enough. */
function* eachOnce(newestFirst: Iterable<Backup>): Generator<Backup> {
  const checked = new Set<string>();
  for (const backup of newestFirst) {
    if (backup.snapshot !== undefined && checked.has(backup.schedule)) continue;
    if (backup.snapshot !== undefined) checked.add(backup.schedule);
    yield backup;
  }
}

async function* allBackups(
  catalog: Catalog,
  filter: Omit<BackupFilter, 'limit' | 'after'>,
): AsyncGenerator<Backup> {
  let page = await catalog.backups({ ...filter, limit: pageSize });
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    yield* page;
    page = await catalog.backups({ ...filter, limit: pageSize, after: last.id });
  }
}

/** `12 %, best 8 %`: the host's own load while the backup was made, and the lowest it could have met. */
function metLoad(review: RunReview | undefined): string {
  if (review?.load === undefined) return '';
  const { load, best } = review.load;
  return best === undefined
    ? formatPercent(load)
    : `${formatPercent(load)}, best ${formatPercent(best.load)}`;
}

function copyStatus(copy: Backup['copies'][number] | SnapshotState): string {
  return copy.status === 'good' && copy.verifiedAt !== undefined ? 'verified' : copy.status;
}
