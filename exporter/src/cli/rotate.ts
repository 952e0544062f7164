import { userInfo } from 'node:os';
import type { NewRotation } from '../api/contract.ts';
import type { AuditBody } from '../catalog/access.ts';
import type { Rotation } from '../catalog/rotations.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { holdTexts, tooBusy, type LiveLoad } from '../load/gate.ts';
import type { RotationPlan } from '../rotation/plan.ts';
import type { RotationOptions } from '../rotation/rotator.ts';
import { LowTide } from '../service/low-tide.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import { askAllHosts } from './campaign.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { keepConfig } from './keep-config.ts';
import { table } from './output.ts';
import { rotationAnswer } from './views.ts';
import { counted } from '../units/count.ts';

export interface RotateOptions {
  readonly mode: 'rewrap' | 'reencrypt';
  readonly daysBack?: number;
  /** MiB a second. */
  readonly limitRate?: number;
  readonly atLowTide?: boolean;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly allHosts?: boolean;
}

/** As many reasons are named; the rest is counted. */
const namedReasons = 20;
const measureEveryMs = 5000;

/** `lowtide rotate`: prints the plan first; Ctrl-C stops it anywhere, and `--resume` goes on. */
export async function rotate(context: CommandContext, options: RotateOptions): Promise<ExitCode> {
  if (options.dryRun === true && options.resume === true) {
    throw new LowtideError('usage', '--dry-run and --resume do not go together');
  }
  if (options.allHosts === true) return await rotateOnAllHosts(context, options);
  await using installation = await context.open();
  if (options.dryRun !== true) await installation.takeEnvironmentKey();
  const { mode, daysBack, limitRate } = options;
  const request = { mode, ...(daysBack !== undefined && { daysBack }) };
  const pace = {
    ...(options.atLowTide === true && { atLowTide: true }),
    ...(limitRate !== undefined && { bytesPerSecond: limitRate * 1024 * 1024 }),
  };
  if (options.resume !== true) {
    const plan = await installation.rotator.plan(request, installation.keystoreWithEnvironmentKey());
    if (options.dryRun === true) {
      context.output.answer({ dryRun: true, ...plan }, `${describePlan(plan)}\nNothing was changed.`);
      return plan.obstacles.length === 0 ? exitCodes.done : exitCodes.failed;
    }
    context.output.note(describePlan(plan));
  }
  const by = userInfo().username;
  const action = options.resume === true ? 'rotation.resume' : 'rotation.start';
  const rotation = await withProgress(context, installation, async (progress) => {
    const rotating: RotationOptions = {
      ...progress,
      // On record before it changes anything: a crash must not leave it without a name.
      async onStart({ id, mode: chosen }) {
        await noteAudit(installation, { action, subject: id, result: 'started', detail: chosen });
      },
    };
    return options.resume === true
      ? await installation.rotator.resume(undefined, rotating)
      : await installation.rotator.rotate({ ...request, ...pace, trigger: 'manual', by }, rotating);
  });
  await noteAudit(installation, { action, subject: rotation.id, ...auditEndOf(rotation) });
  // It is sealed to the active key, too: else it would open with none but the old one, which may be destroyed next.
  await keepConfig(context, installation);
  return await answer(context, installation, rotation);
}

/** Each by the service that runs there, with its own keys. */
async function rotateOnAllHosts(context: CommandContext, options: RotateOptions): Promise<ExitCode> {
  const { mode, daysBack, limitRate, atLowTide = false, dryRun = false, resume = false } = options;
  if (dryRun || resume) {
    throw new LowtideError('usage', `--all-hosts and --${dryRun ? 'dry-run' : 'resume'} do not go together`, {
      hint: `Run \`lowtide rotate --${dryRun ? 'dry-run' : 'resume'}\` on the host in question.`,
    });
  }
  await using installation = await context.open();
  const wish: NewRotation = {
    mode,
    atLowTide,
    ...(daysBack !== undefined && { daysBack }),
    ...(limitRate !== undefined && { bytesPerSecond: limitRate * 1024 * 1024 }),
  };
  return await askAllHosts(context, installation, 'rotation.start', { kind: 'rotation', wish });
}

/** How it ended, for the audit log: only what is complete is done. */
function auditEndOf({ mode, status, error }: Rotation): Pick<AuditBody, 'result' | 'code' | 'detail'> {
  return {
    result: status === 'completed' ? 'done' : 'failed',
    ...(error !== undefined && { code: error.code }),
    detail: `${mode} ${status}`,
  };
}

async function withProgress(
  context: CommandContext,
  installation: Installation,
  work: (options: RotationOptions) => Promise<Rotation>,
): Promise<Rotation> {
  let update: ((bytes: number) => void) | undefined;
  const shown: Disposable[] = [];
  try {
    return await work({
      signal: context.terminal.signal,
      gate: lowTideGate(context, installation),
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

/** Measures the load of this host by itself: a service that does may not be running. */
function lowTideGate({ output }: CommandContext, { clock, catalog, config }: Installation): LowTide['gate'] {
  let measure: (() => Promise<LiveLoad | undefined>) | undefined;
  const { gate } = new LowTide({
    clock,
    tooBusy: async (times) => tooBusy(await measure?.(), config.load.high_water, times, 'run'),
    isCancelled: async (id) => (await catalog.rotations.rotation(id))?.cancelRequested === true,
    onWait: (_, reason) =>
      output.note(reason === undefined ? 'The host is quiet: going on.' : `Waiting: ${holdTexts[reason]}.`),
  });
  return async (rotation, signal) => {
    measure ??= await startMeasuring(clock, signal);
    await gate(rotation, signal);
  };
}

/** The load of the last seconds; the first are waited for. */
async function startMeasuring(
  clock: Installation['clock'],
  signal: AbortSignal,
): Promise<() => Promise<LiveLoad | undefined>> {
  const { HostMeter } = await import('../load/host.ts');
  const meter = new HostMeter({ proc: '/proc', pid: process.pid, elapsed: () => performance.now() });
  await meter.measure(true);
  let measuredAt = clock.now();
  let load: LiveLoad | undefined;
  await clock.wakeAt(measuredAt + measureEveryMs, signal);
  return async () => {
    if (Math.abs(clock.now() - measuredAt) >= measureEveryMs) {
      measuredAt = clock.now();
      load = await meter.measure(true);
    }
    return load;
  };
}

async function answer(
  { output }: CommandContext,
  installation: Installation,
  rotation: Rotation,
): Promise<ExitCode> {
  const { catalog, clock, config } = installation;
  const { id, done, skipped, failed, status, error } = rotation;
  output.answer(rotationAnswer(rotation, clock.now()), describeEnd(rotation));
  for (const [what, count] of [
    ['failed', failed],
    ['skipped', skipped],
  ] as const) {
    const backups = await catalog.rotations.backups(id, { status: what, limit: namedReasons });
    for (const { backupId, reason } of backups) output.note(`${what}: ${backupId}: ${reason ?? ''}`);
    if (count.backups > backups.length) output.note(`${what}: ${count.backups - backups.length} more`);
  }
  if (error !== undefined) output.note(`lowtide: ${error.message}`);
  if (error?.hint !== undefined) output.note(`hint: ${error.hint}`);
  if (rotation.keyId !== undefined && config.encryption.recovery_recipients.length === 0) {
    output.note(`The recovery file of an older key opens none of these. Keep one of this key on another machine:
  lowtide keys export ${rotation.keyId} --output FILE`);
  }
  if (status === 'completed') return exitCodes.done;
  return status === 'failed' && error === undefined && done.backups > 0 ? exitCodes.partly : exitCodes.failed;
}

function describeEnd({ mode, status, keyId, done, skipped, failed, pending, ...rotation }: Rotation): string {
  const took = formatDuration(Math.max(0, (rotation.finishedAt ?? rotation.startedAt) - rotation.startedAt));
  const what = mode === 'rewrap' ? 'rewrapped' : 're-encrypted';
  const left = pending.backups === 0 ? '' : `, ${pending.backups} left`;
  const isOver = status === 'completed' || rotation.error?.code === 'rotation_ended';
  const next = isOver ? '' : '\n`lowtide rotate --resume` goes on with it.';
  return (
    `Rotation ${status} after ${took}: ${counted(done.backups, 'backup')} ${what} for ${keyId ?? 'no key yet'}, ` +
    `${skipped.backups} skipped in whole or in part, ${failed.backups} failed${left}.${next}`
  );
}

function describePlan(plan: RotationPlan): string {
  const { mode, stores, backups, bytes, skipped, estimatedSeconds, retirableKeys, stillReadable } = plan;
  const rows = stores.map(({ store, backups: copies, bytes: size, requests, readBytes, writtenBytes }) => [
    store,
    String(copies),
    formatSize(size),
    requests === 0
      ? 'none'
      : `${requests}, ${formatSize(readBytes)} read, ${formatSize(writtenBytes)} written`,
  ]);
  return [
    `To ${mode === 'rewrap' ? 'rewrap' : 're-encrypt'}: ${counted(backups, 'backup')}, ${formatSize(bytes)}, in about ${formatDuration(Math.max(1, estimatedSeconds) * 1000)}.`,
    ...(rows.length === 0 ? [] : [table(['STORE', 'COPIES', 'SIZE', 'REQUESTS'], rows)]),
    ...skipped.map(
      ({ code, copies, text }) =>
        `Left as they are (${code}): ${counted(copies, 'copy', 'copies')}, such as: ${text}.`,
    ),
    retirableKeys.length === 0
      ? 'No key could be retired afterwards.'
      : `Could be retired afterwards: ${retirableKeys.join(', ')}.`,
    `Still readable with the old key: ${stillReadable[mode]}`,
    ...plan.droppedRecipients.map(
      (recipient) => `No longer opens them: ${recipient}, which recovery_recipients does not name any more.`,
    ),
    ...plan.obstacles.map(
      ({ message, hint }) => `In its way: ${message}.${hint === undefined ? '' : ` ${hint}`}`,
    ),
  ].join('\n');
}
