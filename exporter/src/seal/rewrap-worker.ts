import { parentPort } from 'node:worker_threads';
import { LowtideError } from '../errors/lowtide-error.ts';
import { Rewrapper } from './rewrap.ts';
import type { RewrapAnswer, RewrapTask } from './rewrap-thread.ts';

let rewrapper: { readonly of: string; readonly rewrapper: Rewrapper } | undefined;

parentPort?.on('message', (task: RewrapTask) => {
  void answersTo(task).then((answers) => parentPort?.postMessage(answers));
});

async function answersTo({ identity, recipients, heads }: RewrapTask): Promise<RewrapAnswer[]> {
  const answers: RewrapAnswer[] = [];
  for (const head of heads) answers.push(await answerTo(head, identity, recipients));
  return answers;
}

/** Errors travel as text: their class would be lost on the way. */
async function answerTo(
  head: Uint8Array,
  identity: string,
  recipients: readonly string[],
): Promise<RewrapAnswer> {
  try {
    const of = JSON.stringify([identity, recipients]);
    if (rewrapper?.of !== of) rewrapper = { of, rewrapper: new Rewrapper([identity], recipients) };
    return { bytes: (await rewrapper.rewrapper.rewrap(head)).bytes };
  } catch (thrown) {
    const { code, message, hint } = LowtideError.from(thrown);
    return { code, message, ...(hint !== undefined && { hint }) };
  }
}
