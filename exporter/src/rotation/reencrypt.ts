import { readSync, writeSync } from 'node:fs';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity } from '../keys/keystore.ts';
import { payloadFault } from '../seal/fault.ts';
import { newNonce, nonceBytes, payloadKey } from '../seal/file-key.ts';
import { checkMac, parseHeader } from '../seal/header.ts';
import { unwrapFileKey } from '../seal/identity.ts';
import { newHeader, type NewHeader } from '../seal/recipients.ts';
import { refusal } from '../store/directory/refusal.ts';
import type { Manifest, ManifestPart } from '../store/manifest.ts';
import type { ReplacedObject, Resealing } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import { refuseWithoutRoom } from './obstacles.ts';
import type { SealPool } from '../seal/pool.ts';
import type { ReencryptThreads } from './reencrypt-threads.ts';
import { reencryptStream } from './reencrypt-stream.ts';
import { damaged, readHead, replacementOf, sha256, type Resealed, type Target } from './rewrap.ts';

/** A fresh sealing for each part of a backup, the same in all stores, so that its copies stay equal byte by byte. */
export type FreshSealings = ReadonlyMap<string, NewHeader & { readonly nonce: Uint8Array }>;

export async function freshSealings(manifest: Manifest, target: Target): Promise<FreshSealings> {
  const sealings = new Map<string, NewHeader & { readonly nonce: Uint8Array }>();
  for (const part of manifest.parts) {
    sealings.set(part.name, { ...(await newHeader(target.recipients)), nonce: newNonce() });
  }
  return sealings;
}

export interface ReencryptOptions {
  readonly manifest: Manifest;
  readonly store: Store;
  readonly identity: Identity;
  readonly target: Target;
  /** Only ever for copies that are sealed alike: one key and nonce must not meet two contents. */
  readonly fresh: FreshSealings;
  /** For files. */
  readonly threads: () => ReencryptThreads;
  /** For what comes in a stream. */
  readonly pool: SealPool;
  readonly bytesPerSecond?: number;
  readonly signal: AbortSignal;
  /** Bytes of this copy so far. */
  readonly onProgress?: (bytes: number) => Promise<void>;
}

/**
 * Writes the parts of one copy anew beside the old ones, which stay until the store puts the new in their place. By then every
 * chunk has been authenticated, and the old payload is the one that the manifest describes. Disposing removes what was
 * written and not put in place. Throws `verification_failed` for a copy that is damaged, `store_full` before it begins.
 */
export async function reencryptBackup(options: ReencryptOptions): Promise<Resealed> {
  const { manifest, target } = options;
  await refuseWithoutRoom(
    options.store,
    manifest.parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, 0),
  );
  const objects: ReplacedObject[] = [];
  const parts: ManifestPart[] = [];
  let before = 0;
  for (const part of manifest.parts) {
    const { object, resealed } = await reencryptPart(part, options, before);
    objects.push(object);
    parts.push(resealed);
    before += part.payloadBytes;
  }
  const [first, ...rest] = parts;
  if (first === undefined) throw new LowtideError('internal', `backup ${manifest.id} has no part`);
  const resealed: Manifest = {
    ...manifest,
    keyId: target.keyId,
    recipients: [...target.recipients],
    parts: [first, ...rest],
  };
  return { manifest: resealed, replacement: replacementOf(resealed, objects) };
}

async function reencryptPart(
  part: ManifestPart,
  options: ReencryptOptions,
  before: number,
): Promise<{ readonly object: ReplacedObject; readonly resealed: ManifestPart }> {
  const { store, identity, fresh, onProgress } = options;
  const place = store.locate(part.name);
  const sealing = fresh.get(part.name);
  if (sealing === undefined || store.resealing === undefined) {
    throw new LowtideError('internal', `${place} cannot be written anew`);
  }
  const oldHead = await readHead(store, part.name, part.headerBytes);
  if (sha256(oldHead) !== part.headerSha256) throw damaged(place, 'its header is not the one');
  const header = parseHeader(oldHead);
  const fileKey = await unwrapFileKey(header, [identity]);
  checkMac(header, fileKey);
  const work = {
    ...options,
    sealing,
    fileKey,
    onProgress: async (bytes: number) => onProgress?.(before + bytes),
  };
  const { rewritten, payloadSha256 } =
    store.resealing.rewrite === undefined
      ? await reencryptStream(part, work)
      : await reencryptFile(part, work, store.resealing.rewrite.bind(store.resealing));
  return {
    object: { name: part.name, oldHead, newHead: sealing.bytes, rewritten },
    resealed: {
      ...part,
      headerBytes: sealing.bytes.length,
      headerSha256: sha256(sealing.bytes),
      payloadSha256,
    },
  };
}

interface Work extends ReencryptOptions {
  readonly sealing: NewHeader & { readonly nonce: Uint8Array };
  readonly fileKey: Uint8Array;
}

async function reencryptFile(
  part: ManifestPart,
  { store, sealing, fileKey, threads, signal, onProgress }: Work,
  rewrite: NonNullable<Resealing['rewrite']>,
): Promise<{ readonly rewritten: string; readonly payloadSha256: string }> {
  const place = store.locate(part.name);
  await using rewriting = await rewrite(part.name, sealing.bytes.length + part.payloadBytes);
  const { source, target } = rewriting;
  if (source.sizeBytes !== part.headerBytes + part.payloadBytes) {
    throw damaged(place, `it has ${source.sizeBytes} bytes, which are not those`);
  }
  writeSync(target.fd, Buffer.concat([sealing.bytes, sealing.nonce]), 0, undefined, 0);
  const run = threads().run({
    source: {
      fd: source.fd,
      start: part.headerBytes,
      key: payloadKey(fileKey, nonceAt(source.fd, part.headerBytes)),
    },
    target: { fd: target.fd, start: sealing.bytes.length, key: payloadKey(sealing.fileKey, sealing.nonce) },
    payloadBytes: part.payloadBytes,
    rewriting,
    signal,
    ...(onProgress !== undefined && { onProgress }),
  });
  const outcome = await run.catch((thrown: unknown) => {
    throw refusal(thrown, `write ${part.name} anew in store ${store.id}`);
  });
  if ('fault' in outcome) {
    const { message } = payloadFault(outcome.fault, part.headerBytes + nonceBytes);
    throw new LowtideError('verification_failed', `${place}: ${message}`, { hint: 'Nothing was changed.' });
  }
  if (outcome.hashes.source !== part.payloadSha256) throw damaged(place, 'its payload is not the one');
  return { rewritten: await rewriting.keep(), payloadSha256: outcome.hashes.target };
}

function nonceAt(fd: number, position: number): Uint8Array {
  const nonce = Buffer.alloc(nonceBytes);
  readSync(fd, nonce, 0, nonceBytes, position);
  return nonce;
}
