import type { Rotation } from '../catalog/rotations.ts';
import type { Installation } from '../compose.ts';
import type { Config } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Key } from '../keys/keystore.ts';
import { firstAfter } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

export type RotationConfig = NonNullable<Config['encryption']['rotation']>;

export interface RotationPolicyOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly log: Logger;
  /** Aborted when the service cannot wait any longer. */
  readonly interrupted: AbortSignal;
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
      log.error({ err: describe(thrown) }, 'what a rotation of keys has left could not be put in order');
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { installation, log, track } = this.#options;
    while (!signal.aborted) {
      const { clock, config } = installation();
      const policy = config.encryption.rotation;
      if (policy !== undefined) {
        await track(
          this.look(policy, signal).catch((thrown: unknown) => {
            log.error({ err: describe(thrown) }, 'the rotation of keys could not be looked after');
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
    if (catalog.rotations.list({ status: 'running', limit: 1 }).length > 0) return;
    const [last] = catalog.rotations.list({ limit: 1 });
    const options = { signal: AbortSignal.any([this.#options.interrupted, stopping(signal)]) };
    if (last !== undefined && mayGoOn(last, now)) {
      this.#report(await rotator.resume(last.id, options));
    } else if (isDue(policy, await keystore.active(), now)) {
      const { mode, days_back: daysBack } = policy;
      const request = { mode, trigger: 'policy', ...(daysBack !== undefined && { daysBack }) } as const;
      this.#report(await rotator.rotate(request, options));
    }
    await this.#retire();
  }

  async #retire(): Promise<void> {
    const { catalog, keystore, clock } = this.#options.installation();
    const { backupsByKey } = catalog.totals();
    for (const { id, state } of await keystore.list()) {
      if (state !== 'retiring' || (backupsByKey[id] ?? 0) > 0) continue;
      await keystore.retire(id);
      catalog.append({ name: 'key:changed', keyId: id, change: 'retired', by: 'policy' }, clock.now());
      this.#options.log.info({ key: id }, 'a key was retired: no backup needs it any more');
    }
  }

  #report({ id, mode, status, keyId, done, skipped, failed, error }: Rotation): void {
    const fields = { rotation: id, mode, key: keyId };
    const counts = `${done.backups} backups done, ${skipped.backups} skipped, ${failed.backups} failed`;
    if (status === 'completed') this.#options.log.info(fields, `rotation of keys completed: ${counts}`);
    else this.#options.log.error({ ...fields, err: error }, `rotation of keys ${status}: ${counts}`);
  }
}

export function isDue({ every }: RotationConfig, active: Key, now: EpochMs): boolean {
  // A duration is the age of the key, not a day of the calendar.
  if ('every' in every) return now - active.createdAt >= every.every;
  const next = firstAfter(
    { cron: every.cron, timezone: Temporal.Now.timeZoneId(), max_delay: 0 },
    active.createdAt,
  );
  return next !== undefined && next.dueAt <= now;
}

/** One of its own that was interrupted, or has failed a while ago; not one that somebody has cancelled. */
function mayGoOn({ trigger, status, finishedAt = 0 }: Rotation, now: EpochMs): boolean {
  if (trigger !== 'policy') return false;
  return status === 'interrupted' || (status === 'failed' && Math.abs(now - finishedAt) >= retryAfterMs);
}

/** A stop of the service ends a rotation between two steps at once: it can be resumed, and need not be waited for. */
function stopping(signal: AbortSignal): AbortSignal {
  const stop = new AbortController();
  const end = (): void =>
    stop.abort(new LowtideError('interrupted', 'the service was stopped', { retryable: true }));
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return stop.signal;
}
