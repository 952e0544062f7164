import { randomUUID } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import type { NewRotation, NewRotationBackup, Rotation, RotationMode } from '../catalog/rotations.ts';
import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Key, Keystore } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import { recipientKind } from '../seal/identity.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Skipped } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import { isTooOld, type Candidate, type CandidateRules } from './candidates.ts';
import { findObstacles } from './obstacles.ts';
import { Openers } from './openers.ts';
import { planRotation, type RotationPlan } from './plan.ts';
import { recoverRotations } from './recover.ts';
import { measuredSpeed } from './speed.ts';
import { candidatePages, findProtections, objectsOf } from './survey.ts';
import { RotationWork, type RotationProgress } from './work.ts';

export interface RotatorEnvironment {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  readonly clock: Clock;
  readonly recoveryRecipients: readonly string[];
  /** Rotations that this process works on; shared by all rotators of one catalog. */
  readonly running: Set<string>;
  /** Threads that encrypt; default 2. */
  readonly threads?: number;
}

export interface RotationRequest {
  /** Where it has been agreed on before: whether it was begun can be told by it. Absent: a new one. */
  readonly id?: string;
  readonly mode: RotationMode;
  readonly daysBack?: number;
  /** Only backups that are sealed to these keys; absent: to any but the new one. */
  readonly fromKeys?: readonly string[];
  /** An existing key to give the backups to, which has to be active; absent: a new one is made. */
  readonly toKey?: string;
  /** Whether it is held back by `RotationOptions.gate`, also when it is resumed. */
  readonly atLowTide?: boolean;
  /** Bytes per second that re-encryption may read, and write, at most, also when it is resumed. */
  readonly bytesPerSecond?: number;
  readonly trigger: NewRotation['trigger'];
  readonly by?: string;
}

export type PlanRequest = Pick<RotationRequest, 'mode' | 'daysBack' | 'fromKeys' | 'toKey'>;
/** What a plan asks of the keystore: it changes nothing there. */
export type PlanKeystore = Pick<Keystore, 'active' | 'identity' | 'list'>;

export interface RotationOptions {
  readonly signal: AbortSignal;
  /** Told when the rotation is on file. */
  readonly onStart?: (rotation: Rotation) => void | Promise<void>;
  readonly onProgress?: (progress: RotationProgress) => void;
  /** Awaited before each step of a rotation that goes on at low tide alone: holds it back while the host is busy. */
  readonly gate?: (rotation: Rotation, signal: AbortSignal) => Promise<void>;
}

/** Gives stored backups to a new key, one rotation at a time, each of which can be stopped anywhere and resumed. */
export class Rotator {
  readonly #environment: RotatorEnvironment;

  constructor(environment: RotatorEnvironment) {
    this.#environment = environment;
  }

  /** What a rotation would do now, and what would keep it from that. Changes nothing. */
  async plan(
    request: PlanRequest,
    keystore: PlanKeystore = this.#environment.keystore,
  ): Promise<RotationPlan> {
    const { catalog, stores, clock } = this.#environment;
    const { mode, daysBack } = request;
    const rules = this.#rulesOf(request, clock.now());
    const candidates = (await Array.fromAsync(candidatePages(catalog, rules))).flat();
    return planRotation({
      mode,
      ...(daysBack !== undefined && { daysBack }),
      candidates,
      protections: mode === 'rotate' ? new Map<string, Skipped>() : await findProtections(stores, candidates),
      cost: ({ store, manifest }) =>
        mode === 'rotate' ? undefined : stores.get(store)?.resealing?.cost?.(mode, objectsOf(manifest)),
      keys: await keystore.list(),
      backupsByKey: (await catalog.totals()).backupsByKey,
      recoveryRecipients: this.#environment.recoveryRecipients,
      speed: measuredSpeed(await catalog.rotations.list({ limit: 20 }), mode),
      obstacles: await this.#obstacles(request, keystore),
    });
  }

  /**
   * Rotates. One that fails, or is cancelled, is an answer (`status`, `error`), not an error; thrown is what keeps it from being
   * begun: `rotation_active`, `keystore_…`, `key_missing`, `recipient_invalid`. Then nothing has been changed.
   */
  async rotate(request: RotationRequest, options: RotationOptions): Promise<Rotation> {
    const { catalog, clock } = this.#environment;
    await this.recover(options.signal);
    await this.#refuseObstructed(request);
    const { mode, trigger, by, daysBack, fromKeys, atLowTide, bytesPerSecond } = request;
    const { id = randomUUID() } = request;
    const begin = (): Promise<Rotation> =>
      catalog.rotations.start({
        id,
        mode,
        trigger,
        ...(by !== undefined && { by }),
        ...(daysBack !== undefined && { daysBack }),
        ...(fromKeys !== undefined && { fromKeys }),
        ...(atLowTide !== undefined && { atLowTide }),
        ...(bytesPerSecond !== undefined && { bytesPerSecond }),
        startedAt: clock.now(),
        backups: [],
      });
    return await this.#whileOurs(id, async () => await this.#run(await begin(), request, options));
  }

  /** Goes on with the one named, or the last that was not completed. Throws as `rotate` does, and `not_found`. */
  async resume(id: string | undefined, options: RotationOptions): Promise<Rotation> {
    const { catalog, clock } = this.#environment;
    await this.recover(options.signal);
    const [last] = await catalog.rotations.list({ limit: 1 });
    const chosen = id ?? (last?.status === 'completed' ? undefined : last?.id);
    if (chosen === undefined) {
      const why = last === undefined ? 'none is on file' : 'the last one is complete';
      throw new LowtideError('not_found', `there is no rotation to resume: ${why}`, {
        hint: 'After a rebuild of the catalog, `lowtide rotate` goes on with what still needs an old key.',
      });
    }
    const known = await catalog.rotations.rotation(chosen);
    if (known?.keyId !== undefined) await this.#refuseSuperseded(known.keyId);
    await this.#refuseObstructed({
      mode: known?.mode ?? 'rewrap',
      ...(known?.daysBack !== undefined && { daysBack: known.daysBack }),
      ...(known?.fromKeys !== undefined && { fromKeys: known.fromKeys }),
      ...(known?.keyId !== undefined && { toKey: known.keyId }),
    });
    return await this.#whileOurs(chosen, async () => {
      const rotation = await catalog.rotations.resume(chosen, clock.now());
      return await this.#run(rotation, rotation, options);
    });
  }

  /** Throws `rotation_active`: a key that became active now would have the rotation give backups to one that no longer is. */
  async refuseWhileRunning(signal: AbortSignal): Promise<void> {
    await this.settle(signal);
    const [running] = await this.#environment.catalog.rotations.list({ status: 'running', limit: 1 });
    if (running === undefined) return;
    throw new LowtideError('rotation_active', `a rotation is going on: ${running.id}`, {
      hint: 'Wait for it to end, or cancel it.',
    });
  }

  /** `recover`, where the catalog knows that there may be something to do: for whoever only wants to know how copies are sealed. */
  async settle(signal: AbortSignal): Promise<void> {
    const { rotations } = this.#environment.catalog;
    const [running] = await rotations.list({ status: 'running', limit: 1 });
    if (running !== undefined || (await rotations.unsettled()).length > 0) await this.recover(signal);
  }

  /** Puts in order what rotations have left whose process is gone; returns those. */
  async recover(signal: AbortSignal): Promise<readonly Rotation[]> {
    const { catalog, stores, clock, running } = this.#environment;
    return await recoverRotations({ catalog, stores, running, now: clock.now(), signal });
  }

  /** It is ours before it is on record: what is on record, and worked on by nobody, was cut off. */
  async #whileOurs(id: string, work: () => Promise<Rotation>): Promise<Rotation> {
    const { running } = this.#environment;
    // Then it goes on here already, and the catalog refuses it.
    if (running.has(id)) return await work();
    running.add(id);
    try {
      return await work();
    } finally {
      running.delete(id);
    }
  }

  async #run(rotation: Rotation, request: PlanRequest, options: RotationOptions): Promise<Rotation> {
    const { catalog, clock } = this.#environment;
    await options.onStart?.(rotation);
    try {
      const key = await this.#keyFor(rotation, request.toKey);
      if (rotation.mode !== 'rotate') await this.#work(rotation, key, request, options);
    } catch (thrown) {
      const error = LowtideError.from(options.signal.aborted ? options.signal.reason : thrown);
      return await catalog.rotations.finish(rotation.id, {
        status: error.code === 'cancelled' || error.code === 'interrupted' ? error.code : 'failed',
        at: clock.now(),
        error: {
          code: error.code,
          message: error.message,
          ...(error.hint !== undefined && { hint: error.hint }),
        },
      });
    }
    const failed = (await catalog.rotations.rotation(rotation.id))?.failed.backups ?? 0;
    return await catalog.rotations.finish(rotation.id, {
      status: failed === 0 ? 'completed' : 'failed',
      at: clock.now(),
    });
  }

  async #work(rotation: Rotation, key: Key, request: PlanRequest, options: RotationOptions): Promise<void> {
    const { catalog, keystore } = this.#environment;
    const rules = this.#rulesOf({ ...request, toKey: key.id }, rotation.startedAt);
    const { gate, ...working } = options;
    await using work = new RotationWork({
      ...this.#environment,
      ...working,
      ...(rotation.atLowTide === true && gate !== undefined && { gate: (signal) => gate(rotation, signal) }),
      ...(rotation.bytesPerSecond !== undefined && { bytesPerSecond: rotation.bytesPerSecond }),
      rotationId: rotation.id,
      mode: rotation.mode === 'reencrypt' ? 'reencrypt' : 'rewrap',
      rules,
      target: { keyId: key.id, recipients: this.#recipientsFor(key) },
      openers: new Openers(keystore),
    });
    // A backup that was being made when the key changed is sealed to the old one: it is found by the second look.
    for (let looked = 0; ; looked += 1) {
      await this.#refuseSuperseded(key.id);
      await this.#file(rotation, rules, looked);
      const { pending } = (await catalog.rotations.rotation(rotation.id)) ?? rotation;
      if (pending.backups === 0 && looked > 0) break;
      await work.run();
    }
    await work.openSamples();
  }

  /** What is too old is counted by the first look, and the others need not go on to it: no new backup is that old. */
  async #file({ id }: Rotation, rules: CandidateRules, looked: number): Promise<void> {
    const { catalog } = this.#environment;
    const left = { backups: 0, bytes: 0 };
    for await (const candidates of candidatePages(catalog, rules)) {
      const { older = [], others = [] } = Object.groupBy(candidates, (candidate) =>
        isTooOld(candidate) ? 'older' : 'others',
      );
      if (others.length > 0) await catalog.rotations.add(id, others.map(toRotationBackup));
      left.backups += older.length;
      left.bytes += older.reduce((sum, candidate) => sum + bytesOf(candidate), 0);
      if (older.length > 0 && looked > 0) return;
    }
    if (looked === 0) await catalog.rotations.leaveOut(id, left);
  }

  /** The rotation's own key, made once however often it is resumed. */
  async #keyFor(rotation: Rotation, toKey: string | undefined): Promise<Key> {
    const { keystore, catalog, clock } = this.#environment;
    const keys = await keystore.list();
    const known = keys.find(
      ({ id, rotationId }) => id === (rotation.keyId ?? toKey) || rotationId === rotation.id,
    );
    if (known !== undefined) {
      if (rotation.keyId === undefined) await catalog.rotations.setKey(rotation.id, known.id);
      return known;
    }
    const kind = await this.#kindOfActive();
    const key = await keystore.create({ kind, now: clock.now(), rotationId: rotation.id });
    await catalog.rotations.setKey(rotation.id, key.id);
    const { by } = rotation;
    await catalog.append(
      {
        name: 'key:changed',
        keyId: key.id,
        change: 'created',
        rotationId: rotation.id,
        ...(by !== undefined && { by }),
      },
      clock.now(),
    );
    return key;
  }

  /** Else backups that the key after it has sealed would be given back to one that is on its way out. */
  async #refuseSuperseded(keyId: string): Promise<void> {
    const key = (await this.#environment.keystore.list()).find(({ id }) => id === keyId);
    if (key === undefined || key.state === 'active') return;
    throw new LowtideError('rotation_ended', `${keyId}, which backups were to be given to, is ${key.state}`, {
      hint: 'Another key has become active since. `lowtide rotate` begins anew, with all that needs an older key.',
    });
  }

  async #kindOfActive(): Promise<'x25519' | 'hybrid'> {
    return recipientKind((await this.#environment.keystore.active()).recipient) ?? 'x25519';
  }

  #recipientsFor(key: Key): readonly string[] {
    return [...new Set([key.recipient, ...this.#environment.recoveryRecipients])];
  }

  /** Before anything is begun: all keys that will be needed can be opened, and there is room. */
  async #refuseObstructed(request: PlanRequest): Promise<void> {
    const [obstacle] = await this.#obstacles(request, this.#environment.keystore);
    if (obstacle !== undefined) throw obstacle;
  }

  async #obstacles(request: PlanRequest, keystore: PlanKeystore): Promise<readonly LowtideError[]> {
    const { mode, toKey } = request;
    const rules = this.#rulesOf(request, this.#environment.clock.now());
    return await findObstacles({
      ...this.#environment,
      keystore,
      mode,
      ...(toKey !== undefined && { toKey }),
      rules,
    });
  }

  #rulesOf({ daysBack, fromKeys, toKey }: PlanRequest, now: EpochMs): CandidateRules {
    return this.#rules({
      now,
      ...(daysBack !== undefined && { daysBack }),
      ...(fromKeys !== undefined && { fromKeyIds: fromKeys.filter((id) => id !== toKey) }),
      ...(toKey !== undefined && { targetKeyId: toKey }),
    });
  }

  #rules(more: Omit<CandidateRules, 'stores' | 'fixedStores'>): CandidateRules {
    const stores = [...this.#environment.stores.values()];
    const ids = (of: readonly Store[]): ReadonlySet<string> => new Set(of.map(({ id }) => id));
    return {
      ...more,
      stores: ids(stores.filter(({ resealing }) => resealing !== undefined)),
      fixedStores: ids(stores.filter(({ resealing }) => resealing === undefined)),
    };
  }
}

function toRotationBackup(candidate: Candidate): NewRotationBackup {
  const { backup, copies, skipped } = candidate;
  const [first] = skipped;
  return {
    backupId: backup.id,
    bytes: bytesOf(candidate),
    ...(copies.length === 0 && first !== undefined && { skipped: first.text }),
  };
}

function bytesOf({ copies, skipped }: Candidate): number {
  return [...copies, ...skipped].reduce((sum, copy) => sum + copy.bytes, 0);
}
