import { LowtideError } from '../errors/lowtide-error.ts';
import { formatDuration } from '../units/duration.ts';

/**
 * Puts a deadline on a question that may hang: `statfs` on a dead network mount never returns, and each further try
 * would hold one more thread of libuv's four. So while one is unanswered no second is asked: all callers share it, and once it
 * is late they fail at once until it has come back. `what` opens the message.
 */
export function bounded<T>(what: string, ask: () => T | Promise<T>, deadlineMs: number): () => Promise<T> {
  let current: Promise<T> | undefined;
  const start = (): Promise<T> => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const asked = (async () => ask())();
    const timer = setTimeout(() => {
      reject(
        new LowtideError('internal', `${what} has not answered within ${formatDuration(deadlineMs)}`, {
          hint: 'A file system that hangs does this: look at mounts and disks.',
          retryable: true,
        }),
      );
    }, deadlineMs);
    const settled = (): void => {
      clearTimeout(timer);
      current = undefined;
    };
    asked.then(settled, settled);
    return Promise.race([asked, late]);
  };
  return () => (current ??= start());
}
