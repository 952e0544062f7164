import { parentPort } from 'node:worker_threads';
import { systemErrorCode } from '../errors/lowtide-error.ts';
import { runStation, type StationReport, type StationTask } from './station.ts';

/** How a thread's task ended. Errors travel as text: their class and code would be lost on the way. */
export type TaskEnd = { readonly report: StationReport | undefined } | { readonly failure: TaskFailure };

export interface TaskFailure {
  readonly message: string;
  readonly systemCode: string | undefined;
}

parentPort?.on('message', (task: StationTask) => {
  void runStation(task)
    .then((report): TaskEnd => ({ report }))
    .catch((thrown: unknown): TaskEnd => {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return { failure: { message, systemCode: systemErrorCode(thrown) } };
    })
    .then((end) => parentPort?.postMessage(end));
});
