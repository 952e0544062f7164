import { randomUUID } from 'node:crypto';
import { eachAtOnce } from '../at-once.ts';
import type { Replacement, ReplacementResult, Skipped } from '../resealing.ts';
import type { ObjectLock } from '../store.ts';
import { ObjectChanged } from './changed.ts';
import {
  decodeJournal,
  encodeJournal,
  isJournalName,
  journalFolder,
  journalName,
  type Journal,
  type JournaledObject,
  type JournalRecord,
} from './journal.ts';

/** What a server says of an object without its bytes. */
export interface FoundObject {
  readonly etag: string;
  readonly sizeBytes: number;
  /** What keeps it from being changed; `mayBeOver`: whether from being deleted as well, only a deletion tells. */
  readonly locked: (ObjectLock & { readonly mayBeOver?: true }) | undefined;
  /** The class from which it has to be fetched before it can be read. */
  readonly archived: string | undefined;
}

/** A store of objects that are replaced one at a time, whole and at once, as its resealing needs it. */
export interface ObjectPlace<Found extends FoundObject> {
  /** As in `store x (s3://bucket)`. */
  readonly where: string;
  find(name: string): Promise<Found | undefined>;
  /** As many bytes as there are. Throws `store_missing_object`. */
  readHead(name: string, length: number): Promise<Buffer>;
  /** False where no object can be locked or archived, so that none has to be looked at. */
  mayBeProtected(): Promise<boolean>;
  /** Whether the journal needs its zeros for this one. */
  needsPadding(object: Replacement['objects'][number], found: Found): boolean;
  /** Gives an object its new head, or its new content; only if it is the one that was found: else throws `ObjectChanged`. */
  replace(object: JournaledObject, found: Found, journal: string): Promise<void>;
  /** Whether what was written beside an object can still be put in its place. */
  isWritten(rewritten: string, name: string): Promise<boolean>;
  /** A small object, in the place of the one with this ETag, where there is one. Throws `ObjectChanged`. */
  write(name: string, bytes: Uint8Array, etag: string | undefined): Promise<void>;
  /** The names that begin so, hidden ones as well, oldest first. */
  names(prefix: string): Promise<readonly string[]>;
  /** So that no old version stays. */
  removeForGood(name: string): Promise<void>;
  /** What unfinished writes of this name have left. */
  sweep(name: string): Promise<unknown>;
}

/** So many backups share one journal. */
const groupSize = 64;
/** Each waits for the network most of the time. */
const backupsAtOnce = 8;

/**
 * The order of one group: every object is looked at; the journal is written; each object is replaced, which is atomic, and then
 * the manifest; the journal goes. What a crash has left is done again by what the journal says.
 */
export class ObjectResealing<Found extends FoundObject> {
  readonly #place: ObjectPlace<Found>;
  #protectable: Promise<boolean> | undefined;

  constructor(place: ObjectPlace<Found>) {
    this.#place = place;
  }

  async replaceHeads(
    replacements: readonly Replacement[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly ReplacementResult[]> {
    const results: ReplacementResult[] = [];
    for (let start = 0; start < replacements.length; start += groupSize) {
      signal.throwIfAborted();
      results.push(...(await this.#replaceGroup(replacements.slice(start, start + groupSize))));
    }
    return results;
  }

  async protection(names: readonly string[]): Promise<Skipped | undefined> {
    // Else a plan would look at each of a hundred thousand objects for nothing.
    if (!(await (this.#protectable ??= this.#place.mayBeProtected()))) return undefined;
    for (const name of names) {
      const found = await this.#find(name);
      if ('skipped' in found) return found.skipped;
    }
    return undefined;
  }

  /** As `Store` has it. */
  async lockOn(names: readonly string[]): Promise<ObjectLock | undefined> {
    if (!(await (this.#protectable ??= this.#place.mayBeProtected()))) return undefined;
    for (const name of names) {
      const found = await this.#place.find(name);
      if (found?.locked !== undefined && found.locked.mayBeOver !== true) return found.locked;
    }
    return undefined;
  }

  async finish(): Promise<void> {
    for (const name of (await this.#place.names(journalFolder)).filter(isJournalName)) {
      const journal = decodeJournal(name, await this.#place.readHead(name, Infinity));
      for (const record of journal?.records ?? []) await this.#redo(record, name);
      await this.#place.removeForGood(name);
    }
  }

  async isPending(): Promise<boolean> {
    return (await this.#place.names(journalFolder)).some(isJournalName);
  }

  async #replaceGroup(replacements: readonly Replacement[]): Promise<readonly ReplacementResult[]> {
    const claims = await eachAtOnce(replacements, backupsAtOnce, (each) => this.#claim(each));
    const claimed = claims.flatMap((claim) => ('skipped' in claim ? [] : [claim]));
    if (claimed.length === 0) return claims.map(resultOf);
    const journal = await this.#writeJournal(claimed);
    const results = await eachAtOnce(claims, backupsAtOnce, async (claim) => {
      if ('skipped' in claim) return resultOf(claim);
      const record = journal.records[claimed.indexOf(claim)];
      if (record === undefined) throw new TypeError('every claim has a record');
      return await this.#replace(record, claim, journal.name);
    });
    await this.#place.removeForGood(journal.name);
    return results;
  }

  async #writeJournal(claimed: readonly Claim<Found>[]): Promise<Journal> {
    const padded = claimed.some(({ replacement, objects }) =>
      replacement.objects.some((object, index) => {
        const found = objects[index];
        return found !== undefined && this.#place.needsPadding(object, found);
      }),
    );
    const replacements = claimed.map(({ replacement }) => replacement);
    const { bytes, journal } = encodeJournal(journalName(randomUUID()), replacements, { padded });
    await this.#place.write(journal.name, bytes, undefined);
    return journal;
  }

  /** Looks at all objects of a backup, so that either all or none is touched. */
  async #claim(replacement: Replacement): Promise<Claim<Found> | { readonly skipped: Skipped }> {
    const manifest = await this.#find(replacement.manifest.name);
    if ('skipped' in manifest) return manifest;
    const objects: Found[] = [];
    for (const { name, oldHead } of replacement.objects) {
      const found = await this.#find(name);
      if ('skipped' in found) return found;
      if (!begins(await this.#place.readHead(name, oldHead.length), oldHead)) {
        const message = `${name} in ${this.#place.where} begins with other bytes than it was taken for`;
        return { skipped: { reason: 'changed', message } };
      }
      objects.push(found);
    }
    return { replacement, objects, manifestEtag: manifest.etag };
  }

  async #replace(
    { objects, manifest }: JournalRecord,
    { objects: found, manifestEtag }: Pick<Claim<Found>, 'objects' | 'manifestEtag'>,
    journal: string,
  ): Promise<ReplacementResult> {
    try {
      for (const [index, object] of objects.entries()) {
        const as = found[index];
        if (as !== undefined) await this.#place.replace(object, as, journal);
      }
      await this.#place.write(manifest.name, manifest.bytes, manifestEtag);
      return { status: 'replaced' };
    } catch (thrown) {
      if (!(thrown instanceof ObjectChanged)) throw thrown;
      return { status: 'skipped', reason: thrown.reason, message: thrown.message };
    }
  }

  /**
   * It may be stale: only a backup is touched of which every object is in a state that this very change can have left; one that
   * was pruned or sealed anew since is left alone.
   */
  async #redo(record: JournalRecord, journal: string): Promise<void> {
    const left = await this.#leftOf(record);
    if (left !== undefined) {
      const manifest = await this.#place.find(record.manifest.name);
      const objects = left.map(({ object }) => object);
      const found = left.map((each) => each.found);
      await this.#replace({ ...record, objects }, { objects: found, manifestEtag: manifest?.etag }, journal);
    }
    for (const { name } of record.objects) await this.#place.sweep(name);
  }

  /** The objects that have their old heads still; undefined where it is not to be gone on with. */
  async #leftOf({ objects }: JournalRecord): Promise<readonly Left<Found>[] | undefined> {
    const left: Left<Found>[] = [];
    for (const object of objects) {
      const { name, oldHead, newHead, rewritten } = object;
      const found = await this.#place.find(name);
      if (found === undefined) return undefined;
      const head = await this.#place.readHead(name, Math.max(oldHead.length, newHead.length));
      if (begins(head, newHead)) continue;
      if (!begins(head, oldHead)) return undefined;
      if (rewritten !== undefined && !(await this.#place.isWritten(rewritten, name))) return undefined;
      left.push({ object, found });
    }
    return left;
  }

  async #find(name: string): Promise<Found | { readonly skipped: Skipped }> {
    const { where } = this.#place;
    const found = await this.#place.find(name);
    if (found === undefined) {
      return { skipped: { reason: 'missing', message: `${where} has no object ${name}` } };
    }
    if (found.locked !== undefined) {
      const message = `${name} in ${where} is protected by ${found.locked.by}`;
      return { skipped: { reason: 'immutable', message } };
    }
    if (found.archived === undefined) return found;
    return {
      skipped: { reason: 'archived', message: `${name} in ${where} lies in the class ${found.archived}` },
    };
  }
}

interface Left<Found> {
  readonly object: JournaledObject;
  readonly found: Found;
}

interface Claim<Found> {
  readonly replacement: Replacement;
  /** As they were found, in the order of the replacement's. */
  readonly objects: readonly Found[];
  readonly manifestEtag: string | undefined;
}

function resultOf(claim: Claim<FoundObject> | { readonly skipped: Skipped }): ReplacementResult {
  return 'skipped' in claim ? { status: 'skipped', ...claim.skipped } : { status: 'replaced' };
}

function begins(found: Buffer, head: Uint8Array): boolean {
  return found.subarray(0, head.length).equals(head);
}
