import { LowtideError } from '../../errors/lowtide-error.ts';
import { describeEnd, startChild } from '../../process/child.ts';
import type { ChildEnd, Command } from '../../process/command.ts';
import { writeTo } from '../feed.ts';
import type { CheckContext, ContentCheck } from './check.ts';
import { unusable } from './damage.ts';

/** Has a program list an archive from its standard input. It may stop reading early: pg_restore wants the table of contents. */
export function listArchive(argv: Command['argv'], { signal }: CheckContext): ContentCheck {
  const child = startChild({ argv }, { stdin: 'pipe', signal });
  return {
    async take(bytes) {
      if (child.stdin !== undefined) await writeTo(child.stdin, bytes);
    },
    async verdict() {
      child.stdin?.end();
      try {
        return judge(await child.end);
      } catch (thrown) {
        if (!(thrown instanceof LowtideError) || thrown.code !== 'tool_missing') throw thrown;
        return `not listed by ${argv[0]}: ${thrown.message}`;
      }
    },
    async [Symbol.asyncDispose]() {
      child.stop();
      child.stdin?.destroy();
      await Promise.allSettled([child.end]);
    },
  };
}

function judge(end: ChildEnd): string | undefined {
  if (end.exitCode === 0) return undefined;
  const says = describeEnd(end);
  // Killed, or too old for what a newer pg_dump has written: that is about the program.
  if (end.exitCode === null || end.stderr.includes('unsupported version (')) return `not listed: ${says}`;
  throw unusable(`cannot be listed: ${says}`);
}
