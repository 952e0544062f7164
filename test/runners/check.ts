import { runProgram } from './program.ts';
import type { Tally } from './tally.ts';

/** Nothing was looked at, as the programs of automake say it. */
const skipped = 77;

/** A program that says nothing when all is well. It counts as one test. */
export async function runCheck(
  title: string,
  [name, ...args]: readonly [string, ...string[]],
): Promise<Tally> {
  const startedAt = performance.now();
  const { code, output } = await runProgram(name, args, 'collect');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (code === skipped) {
    console.log(`- ${title}: skipped`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  console.log(code === 0 ? `✓ ${title} (${seconds} s)` : `✗ ${title} (${seconds} s)\n${output.trimEnd()}`);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}
