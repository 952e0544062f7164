import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';
import { partialName } from '../name.ts';
import type {
  ReplacedObject,
  Replacement,
  ReplacementResult,
  Resealing,
  Rewriting,
  Skipped,
} from '../resealing.ts';
import type { Disk } from './disk.ts';
import { hasHead, openForChange, overwrite, skip, type OpenedObject } from './head-file.ts';
import { ResealJournal } from './reseal-journal.ts';
import { redo } from './reseal-redo.ts';
import { openRewriting, withNewHead, writePartial } from './rewrite.ts';

/** A flush waits for the disk, not for the processor: as many as the disk takes at once. */
const groupSize = 64;

export interface DirectoryResealingOptions {
  readonly disk: Disk;
  readonly root: string;
  /** The path of an object. */
  readonly locate: (name: string) => string;
  /** The store's own refusal, for what the file system said while `action`. */
  readonly refusal: (thrown: unknown, action: string) => unknown;
}

/**
 * The order of one group: everything new that needs room is written beside the old and flushed (manifests, and files whose
 * head changes its length); the journal; heads are written over in place, and flushed at the same time; renames; folders;
 * the journal goes. A disk that is full therefore refuses before anything was touched.
 */
export class DirectoryResealing implements Resealing {
  readonly #options: DirectoryResealingOptions;
  readonly #journal: ResealJournal;

  constructor(options: DirectoryResealingOptions) {
    this.#options = options;
    this.#journal = new ResealJournal(options.root, options.disk);
  }

  async replaceHeads(
    replacements: readonly Replacement[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly ReplacementResult[]> {
    const results: ReplacementResult[] = [];
    for (let start = 0; start < replacements.length; start += groupSize) {
      signal.throwIfAborted();
      try {
        results.push(...(await this.#replaceGroup(replacements.slice(start, start + groupSize))));
      } catch (thrown) {
        throw this.#options.refusal(thrown, 'reseal backups in');
      }
    }
    return results;
  }

  readHead(name: string, length: number): Promise<Uint8Array> {
    return Promise.try(() => this.#readHead(name, length));
  }

  #readHead(name: string, length: number): Uint8Array {
    const { disk, locate, refusal } = this.#options;
    try {
      const file = disk.openFile(locate(name), 'r');
      try {
        return file.readHead(length);
      } finally {
        file.close();
      }
    } catch (thrown) {
      if (systemErrorCode(thrown) === 'ENOENT') {
        throw new LowtideError('store_missing_object', `${locate(name)} is gone`, { cause: thrown });
      }
      throw refusal(thrown, `read ${name} from`);
    }
  }

  protection(names: readonly string[]): Promise<Skipped | undefined> {
    return Promise.try(() => this.#protection(names));
  }

  #protection(names: readonly string[]): Skipped | undefined {
    for (const name of names) {
      try {
        const opened = openForChange(this.#options.disk, this.#options.locate(name));
        if ('skipped' in opened) return opened.skipped;
        opened.file.close();
      } catch (thrown) {
        throw this.#options.refusal(thrown, `open ${name} in`);
      }
    }
    return undefined;
  }

  async isPending(): Promise<boolean> {
    try {
      return await this.#journal.isPending();
    } catch (thrown) {
      throw this.#options.refusal(thrown, 'look for what a resealing has left in');
    }
  }

  async finish(): Promise<void> {
    try {
      for (const { path, records } of await this.#journal.pending()) {
        await redo(records, this.#options);
        await this.#journal.remove(path);
      }
    } catch (thrown) {
      throw this.#options.refusal(thrown, 'finish the resealing in');
    }
  }

  async rewrite(name: string, sizeBytes: number): Promise<Rewriting> {
    const { disk, locate, refusal } = this.#options;
    try {
      return await openRewriting(disk, locate(name), sizeBytes);
    } catch (thrown) {
      throw refusal(thrown, `rewrite ${name} in`);
    }
  }

  async #replaceGroup(group: readonly Replacement[]): Promise<readonly ReplacementResult[]> {
    const claims = this.#claimAll(group);
    const sound = claims.filter((claim) => 'objects' in claim);
    try {
      if (sound.length > 0) await this.#replace(sound);
      return claims.map((claim) =>
        'skipped' in claim ? { status: 'skipped', ...claim.skipped } : { status: 'replaced' },
      );
    } finally {
      for (const { objects } of sound) for (const { opened } of objects) opened.file.close();
    }
  }

  #claimAll(group: readonly Replacement[]): readonly (Claim | { readonly skipped: Skipped })[] {
    const claims: (Claim | { readonly skipped: Skipped })[] = [];
    try {
      for (const replacement of group) claims.push(this.#claim(replacement));
      return claims;
    } catch (thrown) {
      for (const claim of claims) {
        if ('objects' in claim) for (const { opened } of claim.objects) opened.file.close();
      }
      throw thrown;
    }
  }

  /** Opens all objects of a backup and makes sure of each, so that either all or none is touched. */
  #claim(replacement: Replacement): Claim | { readonly skipped: Skipped } {
    const { disk, locate } = this.#options;
    const objects: ClaimedObject[] = [];
    let kept = false;
    try {
      // The rename over a manifest that is immutable would fail after the heads are written.
      const manifest = openForChange(disk, locate(replacement.manifest.name));
      if ('file' in manifest) manifest.file.close();
      else if (manifest.skipped.reason !== 'linked') return manifest;
      for (const object of replacement.objects) {
        const opened = openForChange(disk, locate(object.name));
        if ('skipped' in opened) return opened;
        objects.push({ object, opened });
        if (!hasHead(opened, object.oldHead)) return skip('changed', opened.path);
      }
      kept = true;
      return { objects, manifest: replacement.manifest };
    } finally {
      if (!kept) for (const { opened } of objects) opened.file.close();
    }
  }

  async #replace(claims: readonly Claim[]): Promise<void> {
    const { disk, locate } = this.#options;
    const partials: string[] = [];
    let journal: string;
    let prepared: readonly Prepared[];
    try {
      prepared = await settleAll(claims.map((claim) => this.#prepare(claim, partials)));
      journal = await this.#journal.write(
        prepared.map(({ objects, manifest }) => ({ objects: objects.map(({ object }) => object), manifest })),
      );
    } catch (thrown) {
      // Nothing has been touched yet.
      for (const partial of partials) await disk.removeFile(partial).catch(() => undefined);
      throw thrown;
    }
    await settleAll(
      prepared.flatMap(({ objects }) =>
        objects.map(({ object, opened }) =>
          object.rewritten === undefined
            ? overwrite(opened, object)
            : disk.rename(join(dirname(opened.path), object.rewritten), opened.path),
        ),
      ),
    );
    await settleAll(prepared.map((each) => disk.rename(each.partial, locate(each.manifest.name))));
    const folders = new Set(
      prepared.flatMap((each) => [
        dirname(each.partial),
        ...each.objects.flatMap(({ object, opened }) =>
          object.rewritten === undefined ? [] : [dirname(opened.path)],
        ),
      ]),
    );
    await settleAll([...folders].map((folder) => disk.syncFolder(folder)));
    await this.#journal.remove(journal);
  }

  /** `partials` gathers the paths of what was made, to be removed should anything fail. */
  async #prepare({ objects, manifest }: Claim, partials: string[]): Promise<Prepared> {
    const { disk, locate } = this.#options;
    const made: ClaimedObject[] = [];
    for (const { object, opened } of objects) {
      if (object.rewritten !== undefined || object.oldHead.length === object.newHead.length) {
        made.push({ object, opened });
        continue;
      }
      const partial = partialName(opened.path, randomUUID());
      partials.push(partial);
      await withNewHead(disk, opened, partial, object);
      made.push({ object: { ...object, rewritten: basename(partial) }, opened });
    }
    const partial = partialName(locate(manifest.name), randomUUID());
    partials.push(partial);
    await writePartial(disk, partial, manifest.bytes);
    return { objects: made, manifest, partial };
  }
}

interface ClaimedObject {
  readonly object: ReplacedObject;
  readonly opened: OpenedObject;
}

interface Claim {
  readonly objects: readonly ClaimedObject[];
  readonly manifest: Replacement['manifest'];
}

interface Prepared extends Claim {
  /** The path of the manifest's successor. */
  readonly partial: string;
}

/** Waits for all before the first failure is thrown: nothing goes on behind the back of whoever cleans up. */
async function settleAll<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
