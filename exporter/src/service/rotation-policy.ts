import { hostname } from 'node:os';
import type { AuditBody } from '../catalog/access.ts';
import type { Rotation } from '../catalog/rotations.ts';
import type { Installation } from '../compose.ts';
import type { Config } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Key } from '../keys/keystore.ts';
import { takeCensus } from '../rotation/census.ts';
import { retireKey } from '../rotation/retirement.ts';
import type { RotationOptions, RotationRequest } from '../rotation/rotator.ts';
import { firstAfter } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Logger } from './log.ts';
import { report } from './report.ts';
import { rotationOptions } from './rotations.ts';
import type { WorkRegistry } from './work.ts';
import { counted } from '../units/count.ts';

export type RotationConfig = NonNullable<Config['encryption']['rotation']>;

export interface RotationPolicyOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly log: Logger;
  /** Aborted when the service cannot wait any longer. */
  readonly interrupted: AbortSignal;
  /** Holds back what is to go on at low tide. */
  readonly gate: NonNullable<RotationOptions['gate']>;
  readonly registry: WorkRegistry;
  /** Makes the service wait for this before it ends. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Clocks are set, hosts sleep: nothing is relied on for longer. */
const lookEveryMs = 60_000;
/** After a rotation that has failed. */
const retryAfterMs = 3_600_000;

/**
 * Changes the key when `encryption.rotation` says so, goes on with what a restart has interrupted, and retires old keys once
 * the last backup that needs them has gone. A key is due to be followed by another as counted from when it was made: so a
 * rotation by hand puts the next one off, and a service that was down makes up for one, not for several.
 */
export class RotationPolicy {
  readonly #options: RotationPolicyOptions;

  constructor(options: RotationPolicyOptions) {
    this.#options = options;
  }

  /** What every start does, with a policy or without. */
  async recover(): Promise<void> {
    const { installation, log, interrupted } = this.#options;
    try {
      for (const { id, mode } of await installation().rotator.recover(interrupted)) {
        log.warn(
          { rotation: id, mode },
          'a rotation of keys was cut off when its process ended; it can be resumed',
        );
      }
    } catch (thrown) {
      report(log, thrown, 'what a rotation of keys has left could not be put in order');
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { installation, log, track } = this.#options;
    while (!signal.aborted) {
      const { clock, config, rotator } = installation();
      const policy = config.encryption.rotation;
      // One that was begun from the command line may have been killed since.
      await track(
        rotator.settle(stopping(signal)).catch((thrown: unknown) => {
          report(log, thrown, 'what a rotation of keys has left could not be put in order');
        }),
      );
      if (policy !== undefined) {
        await track(
          this.look(policy, signal).catch((thrown: unknown) => {
            report(log, thrown, 'the rotation of keys could not be looked after');
          }),
        );
      }
      await clock.wakeAt(clock.now() + lookEveryMs, signal).catch(() => undefined);
    }
  }

  /** Does what is due now. */
  async look(policy: RotationConfig, signal: AbortSignal): Promise<void> {
    const { catalog, keystore, clock, rotator } = this.#options.installation();
    const now = clock.now();
    // Somebody rotates by hand just now, perhaps in another process.
    if ((await catalog.rotations.list({ status: 'running', limit: 1 })).length > 0) return;
    const [last] = await catalog.rotations.list({ limit: 1 });
    const { interrupted, gate, registry } = this.#options;
    using inHand = registry.begin(undefined);
    const noteStart = ({ id, mode, resumedAt }: Rotation): Promise<void> =>
      this.#audit({
        action: resumedAt === undefined ? 'rotation.start' : 'rotation.resume',
        subject: id,
        detail: mode,
        result: 'started',
      });
    const options = {
      ...rotationOptions(inHand, gate, noteStart),
      signal: AbortSignal.any([interrupted, inHand.signal, stopping(signal)]),
    };
    if (last !== undefined && mayGoOn(last, now)) {
      await this.#report(await rotator.resume(last.id, options));
    } else if (isDue(policy, await keystore.active(), now)) {
      await this.#report(await rotator.rotate({ ...requestOf(policy), trigger: 'policy' }, options));
    }
    await this.#retire(signal);
  }

  async #retire(signal: AbortSignal): Promise<void> {
    const installation = this.#options.installation();
    const { catalog, keystore, clock } = installation;
    for (const { key, backups } of (await takeCensus(catalog, keystore)).keys) {
      const { id, state, purpose } = key;
      // What somebody has brought here to open other things with, no backup of ours has to need.
      if (state !== 'retiring' || purpose !== 'backup' || backups > 0) continue;
      await retireKey(installation, id, signal);
      await catalog.append({ name: 'key:changed', keyId: id, change: 'retired', by: 'policy' }, clock.now());
      await this.#audit({ action: 'key.retire', subject: id, result: 'done' });
      this.#options.log.info({ key: id }, 'a key was retired: no backup needs it any more');
    }
  }

  async #audit(entry: Pick<AuditBody, 'action' | 'subject' | 'detail' | 'code' | 'result'>): Promise<void> {
    const { catalog, clock } = this.#options.installation();
    await catalog.access.appendAudit({ actor: 'policy', from: hostname(), ...entry }, clock.now());
  }

  async #report({
    id,
    mode,
    status,
    keyId,
    done,
    skipped,
    failed,
    error,
    resumedAt,
  }: Rotation): Promise<void> {
    await this.#audit({
      action: resumedAt === undefined ? 'rotation.start' : 'rotation.resume',
      subject: id,
      result: status === 'completed' ? 'done' : 'failed',
      ...(error !== undefined && { code: error.code }),
      detail: `${mode} ${status}`,
    });
    const fields = { rotation: id, mode, key: keyId };
    const counts = `${counted(done.backups, 'backup')} done, ${skipped.backups} skipped, ${failed.backups} failed`;
    if (status === 'completed') this.#options.log.info(fields, `rotation of keys completed: ${counts}`);
    else this.#options.log.error({ ...fields, err: error }, `rotation of keys ${status}: ${counts}`);
  }
}

function requestOf({
  mode,
  days_back: daysBack,
  at_low_tide: atLowTide,
  limit_rate: limitRate,
}: RotationConfig): Omit<RotationRequest, 'trigger'> {
  return {
    mode,
    atLowTide,
    ...(daysBack !== undefined && { daysBack }),
    ...(limitRate !== undefined && { bytesPerSecond: limitRate * 1024 * 1024 }),
  };
}

export function isDue(policy: RotationConfig, active: Key, now: EpochMs): boolean {
  return (rotationDueAt(policy, active) ?? Infinity) <= now;
}

/** When the active key is to be followed by another; undefined where the pattern never comes. */
export function rotationDueAt({ every }: RotationConfig, active: Key): EpochMs | undefined {
  // A duration is the age of the key, not a day of the calendar.
  if ('every' in every) return active.createdAt + every.every;
  const timezone = Temporal.Now.timeZoneId();
  return firstAfter({ cron: every.cron, timezone, max_delay: 0 }, active.createdAt)?.dueAt;
}

/** One of its own that was interrupted, or has failed a while ago; not one that somebody has cancelled. */
function mayGoOn({ trigger, status, finishedAt = 0 }: Rotation, now: EpochMs): boolean {
  if (trigger !== 'policy') return false;
  return status === 'interrupted' || (status === 'failed' && Math.abs(now - finishedAt) >= retryAfterMs);
}

/** A stop of the service ends such work at once: it can be done again, and need not be waited for. */
export function stopping(signal: AbortSignal): AbortSignal {
  const stop = new AbortController();
  const end = (): void =>
    stop.abort(new LowtideError('interrupted', 'the service was stopped', { retryable: true }));
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return stop.signal;
}
