import type { Begun, RotationWish } from '../api/commands.ts';
import type { Rotation, RotationPlan } from '../api/contract.ts';
import { rotationView } from '../api/views.ts';
import type { Rotation as StoredRotation } from '../catalog/rotations.ts';
import type { Installation } from '../compose.ts';
import type { RotationOptions, RotationRequest } from '../rotation/rotator.ts';
import type { LowTide } from './low-tide.ts';
import type { WorkInHand, WorkRegistry } from './work.ts';

export interface RotationsOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly registry: WorkRegistry;
  /** Holds back what is to go on at low tide. */
  readonly lowTide: Pick<LowTide, 'gate' | 'waitsFor'>;
  /** The service waits for these when it stops. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Rotations that somebody asked for through the API. */
export class Rotations {
  readonly #options: RotationsOptions;

  constructor(options: RotationsOptions) {
    this.#options = options;
  }

  async plan(wish: RotationWish): Promise<RotationPlan> {
    const plan = await this.#options.installation().rotator.plan(requestOf(wish));
    return {
      ...plan,
      dryRun: true,
      stores: [...plan.stores],
      skipped: [...plan.skipped],
      retirableKeys: [...plan.retirableKeys],
      droppedRecipients: [...plan.droppedRecipients],
      obstacles: [...plan.obstacles],
    };
  }

  waitsFor(id: string): string | undefined {
    return this.#options.lowTide.waitsFor(id);
  }

  start(wish: RotationWish, by: string, id?: string): Promise<Begun<Rotation>> {
    const { rotator } = this.#options.installation();
    const request = { ...requestOf(wish), trigger: 'api', by, ...(id !== undefined && { id }) } as const;
    return this.#begin((options) => rotator.rotate(request, options));
  }

  resume(id: string): Promise<Begun<Rotation>> {
    const { rotator } = this.#options.installation();
    return this.#begin((options) => rotator.resume(id, options));
  }

  async #begin(work: (options: RotationOptions) => Promise<StoredRotation>): Promise<Begun<Rotation>> {
    const { registry, lowTide, track, installation } = this.#options;
    const { clock } = installation();
    const started = Promise.withResolvers<StoredRotation>();
    const attempt = async (): Promise<StoredRotation> => {
      using inHand = registry.begin(undefined);
      const options = rotationOptions(inHand, lowTide.gate, started.resolve);
      return await work({ ...options, signal: inHand.signal });
    };
    const over = attempt();
    // What keeps it from beginning is the answer; from then on the rotation says how it ended.
    over.catch(started.reject);
    void track(
      over.then(
        () => undefined,
        () => undefined,
      ),
    );
    const rotation = await started.promise;
    return {
      run: rotationView(rotation, clock.now(), {}),
      ended: over.then((end) => rotationView(end, clock.now(), {})),
    };
  }
}

/** How a rotation tells its progress, and where it waits. */
export function rotationOptions(
  inHand: Pick<WorkInHand, 'call' | 'onProgressOf' | 'resumeAt'>,
  gate: NonNullable<RotationOptions['gate']>,
  onStart: (rotation: StoredRotation) => void | Promise<void>,
): Omit<RotationOptions, 'signal'> {
  return {
    gate,
    async onStart(rotation) {
      const { id, done, skipped, failed } = rotation;
      inHand.resumeAt(done.bytes + skipped.bytes + failed.bytes);
      inHand.call(id, 'rotation');
      await onStart(rotation);
    },
    onProgress: ({ doneBytes, totalBytes }) => inHand.onProgressOf(doneBytes, totalBytes),
  };
}

function requestOf({
  mode,
  daysBack,
  atLowTide,
  bytesPerSecond,
}: RotationWish): Omit<RotationRequest, 'trigger'> {
  return {
    mode,
    atLowTide,
    ...(daysBack !== undefined && { daysBack }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  };
}
