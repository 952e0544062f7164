import { parentPort } from 'node:worker_threads';
import { answerTo, type PlanQuestion } from './plan-thread.ts';

/** Answers one question after the other. */
parentPort?.on('message', (question: PlanQuestion) => {
  parentPort?.postMessage(answerTo(question));
});
