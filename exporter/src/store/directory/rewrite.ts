import { randomUUID } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { partialName } from '../name.ts';
import type { ReplacedObject, Rewriting } from '../resealing.ts';
import type { Disk, NewFile } from './disk.ts';
import type { OpenedObject } from './head-file.ts';
import { fill } from './write.ts';

/** New files beside the old ones, flushed, and under a name that `sweep` knows. */

const copyBytes = 1024 * 1024;

export async function writePartial(disk: Disk, partial: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.createFile(partial);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** The object with another head, where the heads differ in length: a copy, with the times of the original. */
export async function withNewHead(
  disk: Disk,
  { path, atime, mtime }: OpenedObject,
  partial: string,
  { oldHead, newHead }: Pick<ReplacedObject, 'oldHead' | 'newHead'>,
): Promise<void> {
  const source = await open(path, 'r');
  try {
    await fill(await disk.createFile(partial), joined(newHead, bytesFrom(source, oldHead.length)));
  } finally {
    await source.close();
  }
  const copy = disk.openFile(partial);
  try {
    copy.utimes(atime, mtime);
  } finally {
    copy.close();
  }
}

async function* joined(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

async function* bytesFrom(source: FileHandle, start: number): AsyncGenerator<Uint8Array> {
  for (let position = start; ;) {
    const buffer = Buffer.allocUnsafe(copyBytes);
    const { bytesRead } = await source.read(buffer, 0, copyBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

export async function openRewriting(disk: Disk, path: string, sizeBytes: number): Promise<Rewriting> {
  const source = await open(path, 'r');
  const partial = partialName(path, randomUUID());
  let target: NewFile;
  let sourceBytes: number;
  try {
    sourceBytes = (await source.stat()).size;
    target = await disk.createFile(partial);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
  let isOpen = true;
  let kept = false;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await Promise.allSettled([source.close(), target.close()]);
  };
  return {
    source: { fd: source.fd, sizeBytes: sourceBytes },
    target: { fd: target.fd },
    flush: () => target.datasync(),
    async keep() {
      const { size } = await target.stat();
      if (size !== sizeBytes)
        throw new Error(`${partial} has ${size} bytes where ${sizeBytes} were to be written`);
      await target.sync();
      await close();
      kept = true;
      return basename(partial);
    },
    async [Symbol.asyncDispose]() {
      await close();
      if (!kept) await disk.removeFile(partial).catch(() => undefined);
    },
  };
}
