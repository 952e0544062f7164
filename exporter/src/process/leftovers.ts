import { readdir, readFile } from 'node:fs/promises';

/** The variable in the environment of a run's programs, and of all that they start, that names the run. */
export const workMark = 'LOWTIDE_RUN';

/**
 * Ends what is left of a piece of work whose process is gone. A program that runs loses its pipes and ends by itself; one that was
 * stopped at that moment would stay so for ever. Returns how many there were. Only what this user may look into is found.
 */
export async function endLeftovers(work: string): Promise<number> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const marked = await Promise.all(pids.map(async (pid) => ((await isMarked(pid, work)) ? [pid] : [])));
  const left = marked.flat().filter((pid) => pid !== process.pid);
  for (const pid of left) {
    // A stopped process hears the first of them with the second.
    for (const signal of ['SIGTERM', 'SIGCONT'] as const) signalQuietly(pid, signal);
  }
  return left.length;
}

async function isMarked(pid: number, work: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return `\0${environment}`.includes(`\0${workMark}=${work}\0`);
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}
