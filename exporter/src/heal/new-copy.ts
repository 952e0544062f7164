import { LowtideError } from '../errors/lowtide-error.ts';
import { compareSealed, sealedPart } from '../run/sealed.ts';
import { encodeManifest, manifestName, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';

export interface NewCopyOptions {
  readonly source: Store;
  readonly target: Store;
  /** How the copy in the source is sealed, and the new one will be. */
  readonly manifest: Manifest;
  /** Whether what is written is read back, and compared once more. */
  readonly readBack: boolean;
  readonly signal: AbortSignal;
  /** Bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
  /** Resolves when the next piece may be moved: how the copying makes way for the host. */
  readonly turn?: () => Promise<void>;
}

/** It was the source that could not be read, or is not what its manifest describes. */
export class SourceFailure extends Error {
  readonly error: LowtideError;

  constructor(thrown: unknown) {
    super('the source of a copy failed', { cause: thrown });
    this.error = LowtideError.from(thrown);
  }
}

/**
 * One copy of a backup on its way from one store to another: the sealed bytes as they are, part after part, and the manifest
 * last, as a run writes them. Each part is compared with the manifest as it passes, and its name comes only after its last byte
 * has agreed: what bears the name until then stays whole. Where that is a backup of several parts, all of the source is compared
 * before the first is replaced, so that no copy that may yet be good is left half replaced for the sake of one that is not.
 */
export class NewCopy {
  readonly #options: NewCopyOptions;
  readonly #names: readonly string[];
  #stood = false;
  #readBytes = 0;

  constructor(options: NewCopyOptions) {
    this.#options = options;
    const { manifest } = options;
    // The manifest first: as long as it is there, the rest is taken for a backup.
    this.#names = [manifestName(manifest), ...manifest.parts.map(({ name }) => name)];
  }

  /** Resolves with the bytes written. Throws `SourceFailure`, what the target throws, and the signal's reason. */
  async write(): Promise<number> {
    const { source, target, manifest, readBack, signal } = this.#options;
    const standing = await this.#standing();
    this.#stood = standing.length > 0;
    if (await this.#isWhole(standing)) return 0;
    await this.#refuseProtected(standing);
    if (this.#stood && manifest.parts.length > 1) {
      await this.#ofSource(() => compareSealed(manifest, this.#reading(source)));
    }
    for (const part of manifest.parts)
      await target.put(part.name, this.#sourcePart(part), { signal, replace: true });
    const encoded = encodeManifest(manifest);
    await target.put(manifestName(manifest), once(encoded), { signal, replace: true });
    if (readBack) await compareSealed(manifest, this.#reading(target));
    return manifest.parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, encoded.length);
  }

  /** Removes what was written of a copy that comes to nothing; what stood there before, or took its place, stays. */
  async discard(): Promise<void> {
    if (!this.#stood) await this.remove();
  }

  /** What cannot be removed now lies there, and nothing takes it for a backup on file. */
  async remove(): Promise<void> {
    for (const name of this.#names) await this.#options.target.delete(name).catch(() => undefined);
  }

  async #standing(): Promise<readonly string[]> {
    const found = await Promise.all(
      this.#names.map(async (name) => ((await this.#options.target.stat(name)) === undefined ? [] : [name])),
    );
    return found.flat();
  }

  /** It lies there already: the process that had made it was killed before it could say so, or nobody could look. */
  async #isWhole(standing: readonly string[]): Promise<boolean> {
    const { target, manifest, signal } = this.#options;
    if (standing.length < this.#names.length) return false;
    try {
      await compareSealed(manifest, this.#reading(target));
      return true;
    } catch {
      signal.throwIfAborted();
      // Also where it cannot be read: a disk with bad sectors takes a new file nevertheless.
      return false;
    }
  }

  /** The disk would say so only once everything has been written beside it. */
  async #refuseProtected(standing: readonly string[]): Promise<void> {
    const { target } = this.#options;
    if (target.type !== 'directory') return;
    for (const name of standing) {
      const skipped = await target.resealing?.protection([name]);
      if (skipped?.reason !== 'immutable' && skipped?.reason !== 'read_only') continue;
      throw new LowtideError(
        'store_denied',
        `cannot replace ${name} in store ${target.id}: ${skipped.message}`,
        {
          hint: 'Somebody has protected it. Take the protection away (chattr -i, chmod u+w), or leave it as it is.',
        },
      );
    }
  }

  async *#sourcePart(part: Manifest['parts'][number]): AsyncGenerator<Uint8Array> {
    const bytes = sealedPart(part, this.#reading(this.#options.source));
    try {
      for (;;) {
        const next: IteratorResult<Uint8Array, void> = await this.#ofSource(() => bytes.next());
        if (next.done === true) return;
        await this.#options.turn?.();
        yield next.value;
      }
    } finally {
      await bytes.return(undefined);
    }
  }

  async #ofSource<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (thrown) {
      this.#options.signal.throwIfAborted();
      throw new SourceFailure(thrown);
    }
  }

  #reading(store: Store): Parameters<typeof compareSealed>[1] {
    const { signal, turn, onProgress } = this.#options;
    return {
      store,
      signal,
      ...(turn !== undefined && { turn }),
      onRead: (bytes) => onProgress?.((this.#readBytes += bytes)),
    };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
