import { createHash } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HeadRewrapper } from '../seal/rewrap.ts';
import { encodeManifest, manifestName, type Manifest } from '../store/manifest.ts';
import type { ReplacedObject, Replacement } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';

/** A backup as it is to be in its stores: what changes, and the manifest that says so. */
export interface Resealed {
  readonly manifest: Manifest;
  readonly replacement: Replacement;
}

export interface Target {
  readonly keyId: string;
  /** The key's own and those for recovery. */
  readonly recipients: readonly string[];
}

/**
 * New headers for the parts of a backup. Copies that are sealed alike are equal byte by byte, so what is worked out from one
 * of them holds for all. Throws `verification_failed` where a header is not the one that the manifest describes, and what the
 * store and the rewrapper throw.
 */
export async function rewrapBackup(
  manifest: Manifest,
  store: Store,
  rewrapper: HeadRewrapper,
  target: Target,
): Promise<Resealed> {
  const objects: ReplacedObject[] = [];
  for (const part of manifest.parts) {
    const head = await readHead(store, part.name, part.headerBytes);
    if (sha256(head) !== part.headerSha256) {
      throw new LowtideError(
        'verification_failed',
        `${store.locate(part.name)}: its header is not the one that the manifest describes`,
        { hint: '`lowtide backups verify` tells more.' },
      );
    }
    const { bytes } = await rewrapper.rewrap(head);
    objects.push({ name: part.name, oldHead: head, newHead: bytes });
  }
  const heads = new Map(objects.map(({ name, newHead }) => [name, newHead]));
  const resealed: Manifest = {
    ...manifest,
    ...target,
    recipients: [...target.recipients],
    parts: [...manifest.parts],
  };
  resealed.parts.forEach((part, index) => {
    const head = heads.get(part.name) ?? new Uint8Array(0);
    resealed.parts[index] = { ...part, headerBytes: head.length, headerSha256: sha256(head) };
  });
  return { manifest: resealed, replacement: replacementOf(resealed, objects) };
}

export function replacementOf(manifest: Manifest, objects: readonly ReplacedObject[]): Replacement {
  return { objects, manifest: { name: manifestName(manifest), bytes: encodeManifest(manifest) } };
}

export async function readHead(store: Store, name: string, length: number): Promise<Uint8Array> {
  if (store.resealing !== undefined) return await store.resealing.readHead(name, length);
  throw new LowtideError('internal', `store ${store.id} cannot change what it holds`);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** For a copy whose content is about to be written anew. */
export function damaged(place: string, what: string): LowtideError {
  return new LowtideError('verification_failed', `${place}: ${what} that the manifest describes`, {
    hint: 'Nothing was changed. `lowtide backups verify` tells more.',
  });
}
