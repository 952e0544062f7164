import type { Clock } from '../../clock/clock.ts';
import type { Fleet, Lease } from '../../fleet/fleet.ts';
import type { ServiceApi } from '../api.ts';
import type { Logger } from '../log.ts';
import { CampaignTasks, type TaskWork } from './campaign-tasks.ts';
import type { Heard } from './membership.ts';
import { PublishedView } from './published-view.ts';
import { RelayedRequests } from './relayed-requests.ts';

export interface AnsweringOptions extends Pick<ServiceApi, 'commands' | 'act'> {
  readonly fleet: Fleet;
  readonly instance: string;
  readonly lease: Lease;
  readonly taskWork: TaskWork;
  readonly planVersion: () => number;
  readonly isStopping: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What this host does so that any other can answer for it: it shows what it has to run, and does what the other was asked. */
export class Answering {
  readonly #shown: PublishedView;
  readonly #requests: RelayedRequests;
  readonly #tasks: CampaignTasks;

  constructor({ commands, ...options }: AnsweringOptions) {
    this.#shown = new PublishedView({
      ...options,
      summary: () => commands.summary(),
      schedules: () => commands.publishedSchedules(),
    });
    this.#requests = new RelayedRequests(options);
    this.#tasks = new CampaignTasks({ ...options, work: options.taskWork });
  }

  /** With each beat. */
  heard(heard: Heard): void {
    void this.#shown.look();
    void this.#requests.look(heard);
    void this.#tasks.look(heard);
  }

  /** The config has changed. */
  renew(): void {
    this.#shown.renew();
  }
}
