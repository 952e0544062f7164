import type { Writable } from 'node:stream';
import type { Child } from '../process/child.ts';

/**
 * Writes one piece, at the pace of whoever reads. Resolves when there is room for the next one, or the stream is closed:
 * then the reader wants no more, and what is written goes nowhere.
 */
export async function writeTo(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      stream.off('drain', goOn);
      stream.off('close', goOn);
      resolve();
    };
    stream.on('drain', goOn);
    stream.on('close', goOn);
  });
}

/**
 * Gives a child all of the content, and then the end of its input, which it gets only once the content has been found whole.
 * A child that wants no more is given no more, and the content is still read to its end, where it is checked; one that has
 * failed ends the reading at once.
 */
export async function feedChild(child: Child, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdin } = child;
  if (stdin === undefined) throw new TypeError('a child that is to be fed needs a pipe');
  const state = { failed: false };
  const noteFailure = (): void => {
    state.failed = true;
  };
  child.end.then((end) => {
    if (end.exitCode !== 0) noteFailure();
  }, noteFailure);
  for await (const bytes of withholdLast(content)) {
    if (state.failed) return;
    await writeTo(stdin, bytes);
  }
  stdin.end();
}

/** The same pieces; the last one comes only after the content has ended well. */
async function* withholdLast(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  for await (const bytes of content) {
    if (held !== undefined) yield held;
    held = bytes;
  }
  if (held !== undefined) yield held;
}
