import { relative } from 'node:path';
import { nodeDisk, type Disk } from '../../exporter/src/store/directory/disk.ts';

/**
 * A disk below `root` that tells each step before it does it, and in the middle of every write: to record the steps, to
 * stop there for ever, or to fail.
 */
export function steppingDisk(root: string, before: (step: string) => void | Promise<void>): Disk {
  const called = (path: string): string =>
    (relative(root, path) || '.').replace(/[0-9a-f-]{36}\.partial$/, 'partial');
  return {
    async makeFolder(path) {
      await before(`make folder ${called(path)}`);
      return nodeDisk.makeFolder(path);
    },
    async createFile(path) {
      const name = called(path);
      await before(`create ${name}`);
      const file = await nodeDisk.createFile(path);
      return {
        async writeFile(bytes) {
          await before(`write ${name}`);
          const half = Math.floor(bytes.length / 2);
          await file.writeFile(bytes.subarray(0, half));
          await before(`write on ${name}`);
          await file.writeFile(bytes.subarray(half));
        },
        async datasync() {
          await before(`flush ${name}`);
          await file.datasync();
        },
        async sync() {
          await before(`sync ${name}`);
          await file.sync();
        },
        stat: () => file.stat(),
        fd: file.fd,
        async close() {
          // First, so that a step that fails leaves no file open.
          await file.close();
          await before(`after closing ${name}`);
        },
      };
    },
    async link(path, name) {
      await before(`link ${called(path)} as ${called(name)}`);
      await nodeDisk.link(path, name);
    },
    async rename(path, name) {
      await before(`rename ${called(path)} to ${called(name)}`);
      await nodeDisk.rename(path, name);
    },
    async removeFile(path) {
      await before(`remove ${called(path)}`);
      await nodeDisk.removeFile(path);
    },
    async removeFolder(path) {
      await before(`remove folder ${called(path)}`);
      await nodeDisk.removeFolder(path);
    },
    openFile(path, flags) {
      const name = called(path);
      const file = nodeDisk.openFile(path, flags);
      return {
        stat: () => file.stat(),
        readHead: (length) => file.readHead(length),
        async overwriteHead(bytes) {
          await before(`overwrite ${name}`);
          const half = Math.floor(bytes.length / 2);
          await file.overwriteHead(bytes.subarray(0, half));
          await before(`overwrite on ${name}`);
          await file.overwriteHead(bytes);
        },
        utimes: (atime, mtime) => file.utimes(atime, mtime),
        async datasync() {
          await before(`flush ${name}`);
          await file.datasync();
        },
        close: () => file.close(),
      };
    },
    async syncFolder(path) {
      await before(`sync folder ${called(path)}`);
      await nodeDisk.syncFolder(path);
    },
  };
}

/** A disk below `root` that ends this process with kill -9 before its step of that number, which it prints. */
export function deadlyDisk(root: string, steps: number): Disk {
  let left = steps;
  return steppingDisk(root, (step) => {
    left -= 1;
    if (left > 0) return undefined;
    process.stdout.write(`${step}\n`);
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => setInterval(() => undefined, 60_000));
  });
}
