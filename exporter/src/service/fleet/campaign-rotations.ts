import type { Rotation, RotationCount } from '../../catalog/rotations.ts';
import type { Installation } from '../../compose.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Asking, OpenTask, TaskReport } from '../../fleet/campaign.ts';
import type { EpochMs } from '../../units/instant.ts';

/** After what may be over by then: a store that does not answer, a disk that is full. */
const retryAfterMs = 60_000;

export type RotationTask = OpenTask & { readonly rotationId: string };

export interface CampaignRotationsOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Pick<Installation, 'catalog' | 'clock'>;
  /** Begins the rotation of a task, or goes on with it, and resolves once that is on file. Throws what keeps it from that. */
  readonly rotate: (task: RotationTask, isBegun: boolean) => Promise<void>;
  /** Has one that goes on stop, for somebody wishes it. Throws `rotation_ended`. */
  readonly cancel: (rotationId: string, asking: Asking) => Promise<void>;
}

/**
 * The rotations that are this host's tasks. Each has its id from the start, and whether it was begun, and how it stands, is what the
 * catalog has under that id and nothing else: so a crash anywhere neither loses one nor begins it twice.
 */
export class CampaignRotations {
  readonly #options: CampaignRotationsOptions;
  readonly #notBefore = new Map<string, EpochMs>();
  /** Those that were told to stop. */
  readonly #stopping = new Set<string>();

  constructor(options: CampaignRotationsOptions) {
    this.#options = options;
  }

  /** Sees to it that it goes on, and says how it stands. */
  async look(task: RotationTask): Promise<TaskReport> {
    const { catalog, clock } = this.#options.installation();
    const { rotationId } = task;
    const found = await catalog.rotations.rotation(rotationId);
    if (found !== undefined && found.status !== 'interrupted') return reportOf(found);
    const [other] = await catalog.rotations.list({ status: 'running', limit: 1 });
    if (other !== undefined) return held(task, activeElsewhere(other));
    if (clock.now() < (this.#notBefore.get(rotationId) ?? -Infinity)) return task;
    try {
      await this.#options.rotate(task, found !== undefined);
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      if (!mayPass(error)) return refused(found, error);
      this.#notBefore.set(rotationId, clock.now() + retryAfterMs);
      return held(task, error);
    }
    const begun = await catalog.rotations.rotation(rotationId);
    return begun === undefined ? task : reportOf(begun);
  }

  /** Sees to it that it ends, and says how it stands. */
  async end({ rotationId }: RotationTask, asking: Asking): Promise<TaskReport> {
    const found = await this.#options.installation().catalog.rotations.rotation(rotationId);
    if (found === undefined) return { state: 'cancelled' };
    if (found.status === 'interrupted') return { ...reportOf(found), state: 'cancelled' };
    if (found.status === 'running' && !this.#stopping.has(rotationId)) {
      await this.#options.cancel(rotationId, asking);
      this.#stopping.add(rotationId);
    }
    return reportOf(found);
  }
}

/** What may be otherwise the next time. */
function mayPass({ code, retryable }: LowtideError): boolean {
  return retryable || code === 'rotation_active';
}

function activeElsewhere({ id }: Rotation): LowtideError {
  return new LowtideError('rotation_active', `another rotation goes on there: ${id}`);
}

function held({ state, counts }: TaskReport, error: LowtideError): TaskReport {
  return { state, ...(counts !== undefined && { counts }), error: failureOf(error) };
}

function refused(begun: Rotation | undefined, error: LowtideError): TaskReport {
  return begun === undefined
    ? { state: 'refused', error: failureOf(error) }
    : { ...reportOf(begun), state: 'failed', error: failureOf(error) };
}

function reportOf(rotation: Rotation): TaskReport {
  const { status, pending, done, skipped, failed, error } = rotation;
  const counts = {
    pending: countOf(pending),
    done: countOf(done),
    skipped: countOf(skipped),
    failed: countOf(failed),
  };
  return {
    state: stateOf(rotation),
    counts,
    ...(error !== undefined && status !== 'interrupted' && { error }),
  };
}

function stateOf({ status, error, done }: Rotation): TaskReport['state'] {
  // The service goes on with it as soon as it can.
  if (status === 'interrupted') return 'running';
  return status === 'failed' && error === undefined && done.backups > 0 ? 'partial' : status;
}

function countOf({ backups, bytes }: RotationCount): { readonly items: number; readonly bytes: number } {
  return { items: backups, bytes };
}

function failureOf({ code, message, hint }: LowtideError): NonNullable<TaskReport['error']> {
  return { code, message, ...(hint !== undefined && { hint }) };
}
