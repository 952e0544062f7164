import { userInfo } from 'node:os';
import type { Rotation } from '../catalog/rotations.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { RotationPlan } from '../rotation/plan.ts';
import type { RotationOptions } from '../rotation/rotator.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { rotationView } from './views.ts';

export interface RotateOptions {
  readonly mode: 'rewrap' | 'reencrypt';
  readonly daysBack?: number;
  /** MiB a second. */
  readonly limitRate?: number;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
}

/** As many reasons are named; the rest is counted. */
const namedReasons = 20;

/** `lowtide rotate`: prints the plan first; Ctrl-C stops it anywhere, and `--resume` goes on. */
export async function rotate(context: CommandContext, options: RotateOptions): Promise<ExitCode> {
  if (options.dryRun === true && options.resume === true) {
    throw new LowtideError('usage', '--dry-run and --resume do not go together');
  }
  await using installation = await context.open();
  await installation.takeEnvironmentKey();
  const { mode, daysBack } = options;
  const request = { mode, ...(daysBack !== undefined && { daysBack }) };
  if (options.resume !== true) {
    const plan = await installation.rotator.plan(request);
    if (options.dryRun === true) {
      context.output.answer({ dryRun: true, ...plan }, `${describePlan(plan)}\nNothing was changed.`);
      return exitCodes.done;
    }
    context.output.note(describePlan(plan));
  }
  const by = userInfo().username;
  const rotation = await withProgress(context, options, (rotating) =>
    options.resume === true
      ? installation.rotator.resume(undefined, rotating)
      : installation.rotator.rotate({ ...request, trigger: 'manual', by }, rotating),
  );
  noteAudit(installation, {
    action: options.resume === true ? 'rotation.resume' : 'rotation.start',
    subject: rotation.id,
    detail: `${rotation.mode} ${rotation.status}`,
  });
  return answer(context, installation, rotation);
}

async function withProgress(
  context: CommandContext,
  { limitRate }: RotateOptions,
  work: (options: RotationOptions) => Promise<Rotation>,
): Promise<Rotation> {
  let update: ((bytes: number) => void) | undefined;
  const shown: Disposable[] = [];
  try {
    return await work({
      signal: context.terminal.signal,
      ...(limitRate !== undefined && { bytesPerSecond: limitRate * 1024 * 1024 }),
      onProgress({ doneBytes, totalBytes }) {
        if (update === undefined) {
          const progress = context.progress('Rotating', totalBytes);
          shown.push(progress);
          update = progress.update;
        }
        update(doneBytes);
      },
    });
  } finally {
    for (const progress of shown) progress[Symbol.dispose]();
  }
}

function answer({ output }: CommandContext, { catalog }: Installation, rotation: Rotation): ExitCode {
  const { id, done, skipped, failed, status, error } = rotation;
  output.answer(rotationView(rotation), describeEnd(rotation));
  for (const [what, count] of [
    ['failed', failed],
    ['skipped', skipped],
  ] as const) {
    const backups = catalog.rotations.backups(id, { status: what, limit: namedReasons });
    for (const { backupId, reason } of backups) output.note(`${what}: ${backupId}: ${reason ?? ''}`);
    if (count.backups > backups.length) output.note(`${what}: ${count.backups - backups.length} more`);
  }
  if (error !== undefined) output.note(`lowtide: ${error.message}`);
  if (error?.hint !== undefined) output.note(`hint: ${error.hint}`);
  if (status === 'completed') return exitCodes.done;
  return status === 'failed' && error === undefined && done.backups > 0 ? exitCodes.partly : exitCodes.failed;
}

function describeEnd({ mode, status, keyId, done, skipped, failed, pending, ...rotation }: Rotation): string {
  const took = formatDuration(Math.max(0, (rotation.finishedAt ?? rotation.startedAt) - rotation.startedAt));
  const what = mode === 'rewrap' ? 'rewrapped' : 're-encrypted';
  const left = pending.backups === 0 ? '' : `, ${pending.backups} left`;
  const next = status === 'completed' ? '' : '\n`lowtide rotate --resume` goes on with it.';
  return (
    `Rotation ${status} after ${took}: ${done.backups} backups ${what} for ${keyId ?? 'no key yet'}, ` +
    `${skipped.backups} skipped, ${failed.backups} failed${left}.${next}`
  );
}

function describePlan(plan: RotationPlan): string {
  const { mode, stores, backups, bytes, skipped, estimatedSeconds, retirableKeys, stillReadable } = plan;
  const rows = stores.map((store) => [store.store, String(store.backups), formatSize(store.bytes)]);
  return [
    `To ${mode === 'rewrap' ? 'rewrap' : 're-encrypt'}: ${backups} backups, ${formatSize(bytes)}, in about ${formatDuration(Math.max(1, estimatedSeconds) * 1000)}.`,
    ...(rows.length === 0 ? [] : [table(['STORE', 'COPIES', 'SIZE'], rows)]),
    ...skipped.map(
      ({ code, copies, text }) => `Left as they are (${code}): ${copies} copies, such as: ${text}.`,
    ),
    retirableKeys.length === 0
      ? 'No key could be retired afterwards.'
      : `Could be retired afterwards: ${retirableKeys.join(', ')}.`,
    `Still readable with the old key: ${stillReadable[mode]}`,
  ].join('\n');
}
