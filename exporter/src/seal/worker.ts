import { parentPort } from 'node:worker_threads';
import { runStation, type StationReport, type StationTask } from './station.ts';

/** How a thread's task ended. Errors travel as text: their class and code would be lost on the way. */
export type TaskEnd = { readonly report: StationReport | undefined } | { readonly failure: TaskFailure };

export interface TaskFailure {
  readonly message: string;
  /** Whether the descriptor could not be read, as against a mistake of our own. */
  readonly reading: boolean;
}

parentPort?.on('message', (task: StationTask) => {
  void runStation(task)
    .then((report): TaskEnd => ({ report }))
    .catch((thrown: unknown): TaskEnd => {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return { failure: { message, reading: isReadError(thrown) } };
    })
    .then((end) => parentPort?.postMessage(end));
});

/** Node's system errors name the call that failed. */
function isReadError(thrown: unknown): boolean {
  return thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'read';
}
