import type { ContentCheck } from './check.ts';
import { unusable } from './damage.ts';

/** Longer than any ending: newer programs write a line or two behind the mark. */
const keptBytes = 4096;

/** Dump programs write this line last, and only when they got that far. Quoted data never begins a line. */
export function sqlEnding(mark: string): ContentCheck {
  let ending = Buffer.alloc(0);
  return {
    take(bytes) {
      ending = Buffer.concat([ending, bytes.subarray(-keptBytes)]).subarray(-keptBytes);
      return Promise.resolve();
    },
    verdict() {
      if (endsWith(ending.toString('latin1'), mark)) return Promise.resolve(undefined);
      return Promise.reject(unusable(`does not end in "${mark}": the dump was cut short`));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Behind the mark there are comments and commands to the client (`\unrestrict`), and no statements. */
function endsWith(text: string, mark: string): boolean {
  const lines = text.split('\n');
  const last = lines.findLastIndex((line) => line.startsWith(mark));
  return last !== -1 && lines.slice(last).every((line) => line.trim() === '' || /^(--|\\|\/\*)/.test(line));
}
