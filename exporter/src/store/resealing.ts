/**
 * How stored backups are given to another key, as far as a store has a part in it. A backup's objects change together with
 * its manifest: durably, and after a crash anywhere either all of it is as before, or `finish` completes it. What the bytes
 * mean is the caller's business.
 *
 * `finish` comes before anything else that changes what is stored: at the start of a service, of a rotation, of a rebuild.
 */
export interface Resealing {
  /**
   * Replaces the heads of several backups' objects and their manifests, in groups; answers for each in the same order.
   * What must not be touched is skipped and stays as it is. On abort it stops between two groups, with the signal's reason. It
   * throws the store's own refusals: what was not begun by then is as before, the rest is for `finish`.
   */
  replaceHeads(
    replacements: readonly Replacement[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly ReplacementResult[]>;

  /** The first bytes of an object, as many as there are up to `length`: quickly, for it is done for every backup. */
  readHead(name: string, length: number): Promise<Uint8Array>;

  /** Why these objects would be skipped as they are now; undefined when they may be changed. */
  protection(names: readonly string[]): Promise<Skipped | undefined>;

  /**
   * What changing one backup's objects asks of whoever keeps them, as a plan counts it; absent where that is nobody, as on a
   * local disk.
   */
  cost?(change: 'rewrap' | 'reencrypt', objects: readonly SizedObject[]): ResealingCost;

  /** Completes what a crash, or a disk that refused, has cut off. Doing it again changes nothing. */
  finish(): Promise<void>;

  /** Whether there is something for `finish` to complete, or that goes on: then what lies beside objects is still wanted. */
  isPending(): Promise<boolean>;

  /**
   * Opens an object for reading, and a file of `sizeBytes` beside it for what is to take its place, which `replaceHeads` then
   * puts there (`rewritten`). Disposing gives it up unless it was kept; what a dead process leaves, `Store.sweep` removes.
   * Absent where objects are no files: there is `writeBeside`.
   */
  rewrite?(name: string, sizeBytes: number): Promise<Rewriting>;

  /** Writes what is to take an object's place beside it, and gives the name that `ReplacedObject.rewritten` wants. */
  writeBeside?(
    name: string,
    body: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<string>;
}

export interface SizedObject {
  readonly name: string;
  readonly sizeBytes: number;
  /** Of which the head that a rewrap replaces. */
  readonly headBytes: number;
}

export interface ResealingCost {
  /** Of any kind, the manifest's among them. */
  readonly requests: number;
  /** That go over the network, from there and to there. */
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** One backup in this store. */
export interface Replacement {
  readonly objects: readonly ReplacedObject[];
  readonly manifest: { readonly name: string; readonly bytes: Uint8Array };
}

export interface ReplacedObject {
  readonly name: string;
  /** What the object begins with now; if it does not, it is skipped as `changed`. */
  readonly oldHead: Uint8Array;
  /** What it begins with afterwards. The bytes behind the head stay, wherever the heads differ in length. */
  readonly newHead: Uint8Array;
  /** The object is replaced whole, by what was kept of a `rewrite`; it begins with `newHead`. */
  readonly rewritten?: string;
}

/**
 * `linked`: the file has other names, which would change as well; `immutable`, `read_only`: somebody has protected it;
 * `archived`: it has to be fetched before it can be read; `changed`: it is not what the caller took it for; `missing`: it is
 * gone.
 */
export type SkipReason = 'linked' | 'immutable' | 'read_only' | 'archived' | 'changed' | 'missing';

export interface Skipped {
  readonly reason: SkipReason;
  readonly message: string;
}

export type ReplacementResult = { readonly status: 'replaced' } | ({ readonly status: 'skipped' } & Skipped);

export interface Rewriting extends AsyncDisposable {
  /** Descriptors for threads of this process: they hold until `keep` or disposal. */
  readonly source: { readonly fd: number; readonly sizeBytes: number };
  readonly target: { readonly fd: number };
  /** Starts writing back what was written so far. */
  flush(): Promise<void>;
  /** All has been written: makes it durable, and gives the name that `ReplacedObject.rewritten` wants. */
  keep(): Promise<string>;
}
