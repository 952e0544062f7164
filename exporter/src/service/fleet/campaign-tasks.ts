import { isDeepStrictEqual } from 'node:util';
import type { Fleet, Lease } from '../../fleet/fleet.ts';
import type { OpenTask, TaskReport } from '../../fleet/campaign.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';
import { CampaignPrunes, type CampaignPrunesOptions } from './campaign-prunes.ts';
import { CampaignRotations, type CampaignRotationsOptions, type RotationTask } from './campaign-rotations.ts';

/** How this host does what is asked of it among others. */
export interface TaskWork {
  readonly installation: CampaignRotationsOptions['installation'] & CampaignPrunesOptions['installation'];
  readonly registry: CampaignPrunesOptions['registry'];
  readonly track: CampaignPrunesOptions['track'];
  readonly rotate: CampaignRotationsOptions['rotate'];
  readonly cancelRotation: CampaignRotationsOptions['cancel'];
  readonly notePrune: CampaignPrunesOptions['note'];
}

export interface CampaignTasksOptions {
  readonly fleet: Pick<Fleet, 'campaigns'>;
  readonly instance: string;
  readonly lease: Lease;
  readonly work: TaskWork;
  /** Whether nothing is begun any more: it waits for the next process. */
  readonly isStopping: () => boolean;
  readonly log: Logger;
}

/** Does this host's tasks of what several were asked to do, and tells how far it has come. */
export class CampaignTasks {
  readonly #options: CampaignTasksOptions;
  readonly #rotations: CampaignRotations;
  readonly #prunes: CampaignPrunes;
  #isLooking = false;

  constructor(options: CampaignTasksOptions) {
    const { work } = options;
    this.#options = options;
    this.#rotations = new CampaignRotations({ ...work, cancel: work.cancelRotation });
    this.#prunes = new CampaignPrunes({ ...work, note: work.notePrune });
  }

  /** With each beat. Never rejects. */
  readonly look = async ({ hasTasks }: { readonly hasTasks: boolean }): Promise<void> => {
    if (this.#isLooking || !hasTasks || this.#options.isStopping()) return;
    this.#isLooking = true;
    try {
      const { fleet, instance } = this.#options;
      const tasks = await fleet.campaigns.open(instance);
      this.#prunes.forgetAllBut(new Set(tasks.map(({ campaign }) => campaign)));
      for (const task of tasks) await this.#lookAt(task);
    } catch (thrown) {
      this.#options.log.warn(
        { err: describe(thrown) },
        'what all hosts were asked to do could not be looked at',
      );
    } finally {
      this.#isLooking = false;
    }
  };

  async #lookAt(task: OpenTask): Promise<void> {
    const { fleet, lease } = this.#options;
    const report = await this.#reportOf(task);
    if (isDeepStrictEqual(reported(report), reported(task))) return;
    await fleet.campaigns.report(lease, task.campaign, reported(report));
  }

  async #reportOf({ cancelled, ...task }: OpenTask): Promise<TaskReport> {
    if (cancelled === undefined) {
      return isRotation(task) ? await this.#rotations.look(task) : this.#prunes.look(task);
    }
    return isRotation(task) ? await this.#rotations.end(task, cancelled) : this.#prunes.end(task);
  }
}

function isRotation(task: OpenTask): task is RotationTask {
  return task.rotationId !== undefined;
}

/** Of a task that is as it was, what it says beside is not reported again. */
function reported({ state, counts, error }: TaskReport): TaskReport {
  return { state, ...(counts !== undefined && { counts }), ...(error !== undefined && { error }) };
}
