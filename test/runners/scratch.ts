import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const memory = '/dev/shm';
/** Several times what all tests have there at once. */
const leastFreeBytes = 2 * 1024 ** 3;

/**
 * Where tests make their files: in memory, where there is enough of it that may also be executed from. They write durably all
 * the time, and a disk makes them wait for two thirds of theirs; what they kill are processes, not the machine. A `TMPDIR` that
 * is set has its way.
 */
export function scratchFolder(): string {
  if (process.env['TMPDIR'] !== undefined) return tmpdir();
  return isUsable(memory) ? memory : tmpdir();
}

function isUsable(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= leastFreeBytes && runsPrograms(folder);
  } catch {
    return false;
  }
}

/** In containers, memory is often mounted `noexec`. */
function runsPrograms(folder: string): boolean {
  const work = mkdtempSync(join(folder, 'lowtide-probe-'));
  try {
    const program = join(work, 'program');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o700);
    return spawnSync(program).status === 0;
  } finally {
    rmSync(work, { recursive: true });
  }
}
