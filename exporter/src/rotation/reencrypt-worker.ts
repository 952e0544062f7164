import { parentPort } from 'node:worker_threads';
import { runJob, stopJob, type ReencryptEnd, type ReencryptJob } from './reencrypt-job.ts';

/** Errors travel as text: their class would be lost on the way. The code of a system error tells a full disk. */
export type WorkerEnd =
  ReencryptEnd | { readonly status: 'failed'; readonly message: string; readonly code?: string };

parentPort?.on('message', (job: ReencryptJob) => parentPort?.postMessage(answer(job)));

function answer(job: ReencryptJob): WorkerEnd {
  let end: WorkerEnd;
  try {
    end = runJob(job);
  } catch (thrown) {
    const { message, code } = thrown as NodeJS.ErrnoException;
    end = { status: 'failed', message, ...(code !== undefined && { code }) };
  }
  // The other threads of this job must not wait for what will never come.
  if (end.status !== 'done') stopJob(job.cells);
  return end;
}
