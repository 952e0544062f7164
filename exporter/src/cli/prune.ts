import { InvalidArgumentError } from 'commander';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parseDuration } from '../units/duration.ts';
import { toRfc3339 } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';
import { askAllHosts } from './campaign.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { showOldVersions } from './old-versions.ts';
import { showOrphans } from './orphans.ts';
import { table } from './output.ts';
import { lockAnswer } from './views.ts';
import { counted } from '../units/count.ts';

export interface PruneCommandOptions {
  readonly dryRun?: boolean;
  readonly orphans?: boolean;
  readonly oldVersions?: boolean;
  readonly remove?: boolean;
  readonly allHosts?: boolean;
  /** Milliseconds. */
  readonly olderThan: number;
}

/**
 * `lowtide backups prune`: by the keep rules; or with `--orphans` what belongs to no backup, with `--old-versions` what buckets keep of
 * what was replaced or deleted.
 */
export async function pruneBackups(context: CommandContext, options: PruneCommandOptions): Promise<ExitCode> {
  const { dryRun = false, orphans = false, oldVersions = false, remove = false, allHosts = false } = options;
  const { olderThan } = options;
  if (orphans && oldVersions) {
    throw new LowtideError('usage', '--orphans and --old-versions do not go together');
  }
  if (remove && !orphans && !oldVersions) {
    throw new LowtideError('usage', '--remove goes with --orphans or --old-versions', {
      hint: 'Without these, prune removes what the keep rules no longer keep; --dry-run only says what.',
    });
  }
  if (remove && dryRun) throw new LowtideError('usage', '--dry-run and --remove do not go together');
  if (allHosts && (dryRun || orphans || oldVersions)) {
    throw new LowtideError('usage', '--all-hosts goes with none of the other options', {
      hint: 'Look on the host in question.',
    });
  }
  if (allHosts) return await pruneOnAllHosts(context);
  if (orphans) return await showOrphans(context, { remove, olderThan });
  if (oldVersions) return await showOldVersions(context, { remove, olderThan });
  return await pruneByRules(context, dryRun);
}

/** Each by the service that runs there: what lies with a host, and how long it keeps it, it alone knows. */
async function pruneOnAllHosts(context: CommandContext): Promise<ExitCode> {
  await using installation = await context.open();
  return await askAllHosts(context, installation, 'backups.prune', { kind: 'prune', wish: {} });
}

const hourMs = 3_600_000;

/** Reads `--older-than`: clocks differ, and a run pauses between two objects. */
export function safeAge(text: string): number {
  const age = parseDuration(text);
  if (age === undefined || age < hourMs)
    throw new InvalidArgumentError('It must be an hour or more, as in 36h.');
  return age;
}

/** Removes what the keep rules no longer keep, or says what it would remove. */
async function pruneByRules(context: CommandContext, dryRun: boolean): Promise<ExitCode> {
  await using installation = await openSettled(context);
  const { jobs, config } = installation;
  const result = await jobs.prune(config.schedules, {
    signal: context.terminal.signal,
    scope: 'store',
    dryRun,
  });
  const { verdicts, removed, freedBytes, problems } = result;
  const doomed = verdicts.filter((verdict) => !verdict.keep);
  const locked = verdicts.filter((verdict) => verdict.locked !== undefined).length;
  const [locks, waits] = locked === 1 ? ['is locked', 'its lock ends'] : ['are locked', 'their locks end'];
  const held = locked === 0 ? '' : ` ${counted(locked, 'copy', 'copies')} ${locks} and can go once ${waits}.`;
  const summary = dryRun
    ? `${doomed.length} of ${counted(verdicts.length, 'copy', 'copies')} would be removed.${held} Nothing was changed.`
    : `${counted(removed, 'copy', 'copies')} removed, ${formatSize(freedBytes)} freed.${held}`;
  const rows = verdicts.map((verdict) => [
    verdict.backupId,
    verdict.store,
    verdict.locked !== undefined ? 'locked' : verdict.keep ? 'keep' : 'remove',
    verdict.reasons.join('; '),
  ]);
  context.output.answer(
    {
      dryRun,
      removed,
      freedBytes,
      verdicts: verdicts.map((verdict) => ({
        ...verdict,
        createdAt: toRfc3339(verdict.createdAt),
        ...lockAnswer(verdict),
      })),
      problems: problems.map(({ store, error }) => ({ store, code: error.code, message: error.message })),
    },
    rows.length === 0 ? summary : `${table(['BACKUP', 'STORE', 'VERDICT', 'WHY'], rows)}\n${summary}`,
  );
  for (const { store, error } of problems) context.output.note(`problem with ${store}: ${error.message}`);
  return problems.length > 0 ? exitCodes.partly : exitCodes.done;
}
