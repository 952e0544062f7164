import { LowtideError } from '../../errors/lowtide-error.ts';
import { BodyFailure, readBody } from '../body.ts';
import { checkObjectName, checkObjectPrefix, isObjectName } from '../name.ts';
import { probe } from '../probe.ts';
import type { Replacement, Resealing, ResealingCost, SizedObject } from '../resealing.ts';
import type {
  GetOptions,
  ObjectLock,
  OldVersions,
  PutOptions,
  Store,
  StoredObject,
  StoreSpace,
  UnfinishedWrite,
} from '../store.ts';
import type { Range } from './read.ts';
import type { FoundObject, ObjectPlace, ObjectResealing } from './resealing.ts';

/** A server's objects by their names: all of a store that needs the server's SDK. */
export interface RemoteObjects {
  readonly where: string;
  readonly resealing: Pick<
    ObjectResealing<FoundObject>,
    'replaceHeads' | 'protection' | 'lockOn' | 'finish' | 'isPending'
  >;
  readonly place: Pick<ObjectPlace<FoundObject>, 'readHead' | 'removeForGood'> &
    Required<Pick<Resealing, 'writeBeside'>>;
  missing(name: string): LowtideError;
  write(
    name: string,
    body: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal; readonly replace: boolean },
  ): Promise<StoredObject>;
  read(name: string, range: Range, signal: AbortSignal): AsyncIterable<Uint8Array>;
  stat(name: string): Promise<StoredObject | undefined>;
  list(prefix: string): AsyncIterable<StoredObject>;
  delete(name: string): Promise<void>;
  sweep(prefix: string): Promise<readonly string[]>;
  unfinished(prefix: string): AsyncIterable<UnfinishedWrite>;
  discard(write: UnfinishedWrite): Promise<void>;
  readonly versions?: OldVersions;
}

export interface RemoteStoreOptions {
  readonly id: string;
  readonly type: Store['type'];
  readonly provider: string;
  /** What `locate` puts before a name, without the slash. */
  readonly base: string;
  /** Whether the kind of server can keep old versions; then `open` gives them. */
  readonly keepsVersions?: boolean;
  readonly cost: (change: 'rewrap' | 'reencrypt', objects: readonly SizedObject[]) => ResealingCost;
  /** Called when it is first needed: most installations never load an SDK. */
  readonly open: () => Promise<RemoteObjects>;
}

/** A store on a server, whatever its SDK. */
export class RemoteStore implements Store {
  readonly id: string;
  readonly type: Store['type'];
  readonly provider: string;
  readonly resealing: Resealing;
  readonly versions?: OldVersions;
  readonly #base: string;
  readonly #open: () => Promise<RemoteObjects>;

  constructor({ id, type, provider, base, cost, keepsVersions = false, open }: RemoteStoreOptions) {
    this.id = id;
    this.type = type;
    this.provider = provider;
    this.#base = base;
    let opened: Promise<RemoteObjects> | undefined;
    this.#open = () => (opened ??= open());
    if (keepsVersions) {
      const versions = async (): Promise<OldVersions> => {
        const { versions: found } = await this.#open();
        if (found === undefined) throw new TypeError(`${type} gives no versions`);
        return found;
      };
      this.versions = {
        async *list(prefix) {
          checkObjectPrefix(prefix);
          yield* (await versions()).list(prefix);
        },
        locks: async (of) => (await versions()).locks(of),
        remove: async (of) => {
          await (await versions()).remove(of);
        },
      };
    }
    this.resealing = {
      replaceHeads: async (replacements: readonly Replacement[], given) =>
        (await this.#open()).resealing.replaceHeads(replacements, given),
      readHead: async (name, length) => (await this.#open()).place.readHead(name, length),
      protection: async (names) => (await this.#open()).resealing.protection(names),
      cost,
      finish: async () => (await this.#open()).resealing.finish(),
      isPending: async () => (await this.#open()).resealing.isPending(),
      writeBeside: async (name, body, given) => (await this.#open()).place.writeBeside(name, body, given),
    };
  }

  locate(name: string): string {
    checkObjectName(name);
    return `${this.#base}/${name}`;
  }

  async put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject> {
    const { signal, replace = false } = options;
    checkObjectName(name);
    signal.throwIfAborted();
    const objects = await this.#open();
    if (!replace && (await objects.stat(name)) !== undefined) {
      throw new LowtideError('store_exists', `${objects.where} already has ${name}`);
    }
    try {
      return await objects.write(name, readBody(body, signal), { signal, replace });
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown instanceof BodyFailure ? thrown.cause : thrown;
    }
  }

  async *get(name: string, options: GetOptions): AsyncIterable<Uint8Array> {
    const { signal, start = 0, end } = options;
    checkObjectName(name);
    const objects = await this.#open();
    if (end !== undefined && end <= start) {
      if ((await objects.stat(name)) === undefined) throw objects.missing(name);
      return;
    }
    signal.throwIfAborted();
    yield* objects.read(name, { start, end }, signal);
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    checkObjectName(name);
    return await (await this.#open()).stat(name);
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    checkObjectPrefix(prefix);
    for await (const object of (await this.#open()).list(prefix)) {
      if (isObjectName(object.name)) yield object;
    }
  }

  async delete(name: string): Promise<void> {
    checkObjectName(name);
    await (await this.#open()).delete(name);
  }

  async sweep(prefix: string): Promise<readonly string[]> {
    checkObjectPrefix(prefix);
    return await (await this.#open()).sweep(prefix);
  }

  async lockOn(names: readonly string[]): Promise<ObjectLock | undefined> {
    names.forEach(checkObjectName);
    return await (await this.#open()).resealing.lockOn(names);
  }

  async *unfinished(prefix: string): AsyncIterable<UnfinishedWrite> {
    checkObjectPrefix(prefix);
    for await (const write of (await this.#open()).unfinished(prefix)) {
      if (isObjectName(write.object)) yield write;
    }
  }

  async discard(write: UnfinishedWrite): Promise<void> {
    checkObjectName(write.object);
    await (await this.#open()).discard(write);
  }

  space(): Promise<StoreSpace | undefined> {
    return Promise.resolve(undefined);
  }

  async check(): Promise<void> {
    const { place } = await this.#open();
    // Once a minute: in a bucket that keeps versions, they would be 40,000 a month.
    await probe(this, (name) => place.removeForGood(name));
  }
}
