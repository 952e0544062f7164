import { startChild, type Child, type ChildStreams } from './child.ts';
import type { Command } from './command.ts';
import { standBack, stepForward, type Courtesy, type Launcher } from './courtesy.ts';
import { workMark } from './leftovers.ts';

export interface CrewOptions {
  readonly launcher: Launcher;
  readonly courtesy: Courtesy;
  /** What they work on: by this they are found again when this process has ended without them. */
  readonly work: string;
}

const noCourtesy: Courtesy = { nice: 0, io: 'normal' };

/** The programs of one piece of work: started alike, stopped and continued together. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #children = new Set<Child>();
  #paused = false;
  #hurries = false;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  start(command: Command, streams: ChildStreams): Child {
    const { launcher, work } = this.#options;
    const courtesy = this.#hurries ? noCourtesy : this.#options.courtesy;
    const marked = { ...command, env: { ...command.env, [workMark]: work } };
    const child = startChild(launcher.launch(marked, courtesy), { ...streams, name: command.argv[0] });
    if (child.pid !== undefined && courtesy.nice > 0) void standBack(child.pid, courtesy);
    this.#children.add(child);
    const leave = (): void => void this.#children.delete(child);
    child.end.then(leave, leave);
    if (this.#paused) child.pause();
    return child;
  }

  /** Stops those that run, and those that are started from now on. */
  pause(): void {
    this.#paused = true;
    for (const child of this.#children) child.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const child of this.#children) child.resume();
  }

  /** From now on they no longer stand back: beside others that never end they might not, either. */
  hurry(): void {
    if (this.#hurries) return;
    this.#hurries = true;
    for (const { pid } of this.#children) if (pid !== undefined) void stepForward(pid);
  }
}
