import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Disks of a test's own. Only root may mount them. */
export const canMount = process.getuid?.() === 0;

export class Disk implements Disposable {
  readonly path: string;
  readonly #release: () => void;

  private constructor(path: string, release: () => void) {
    this.path = path;
    this.#release = release;
  }

  /** In memory; `options` such as `size=4m` or `nr_inodes=20`. */
  static tmpfs(options: string): Disk {
    const path = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
    run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', path);
    return new Disk(path, () => rmSync(path, { recursive: true }));
  }

  /** The file system of most Linux hosts. */
  static ext4(sizeBytes: number): Disk {
    const work = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
    const image = join(work, 'image');
    writeFileSync(image, '');
    truncateSync(image, sizeBytes);
    run('mkfs.ext4', '-q', image);
    const path = mkdtempSync(join(work, 'mount-'));
    run('mount', '-o', 'loop', image, path);
    return new Disk(path, () => rmSync(work, { recursive: true }));
  }

  /** A file system that knows neither hard links nor modes nor upper and lower case. */
  static exfat(sizeBytes: number): Disk {
    const work = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
    const image = join(work, 'image');
    writeFileSync(image, '');
    truncateSync(image, sizeBytes);
    run('mkfs.exfat', image);
    const path = mkdtempSync(join(work, 'mount-'));
    const device = run('losetup', '--find', '--show', image).trim();
    run('mount.exfat-fuse', device, path);
    return new Disk(path, () => {
      run('losetup', '--detach', device);
      rmSync(work, { recursive: true });
    });
  }

  makeReadOnly(): void {
    run('mount', '-o', 'remount,ro', this.path);
  }

  [Symbol.dispose](): void {
    try {
      run('umount', this.path);
    } catch (busy) {
      // Somebody has left a file open: a failure, but none that should stay on the machine.
      run('umount', '--lazy', this.path);
      throw busy;
    } finally {
      this.#release();
    }
  }
}

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
