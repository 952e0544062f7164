import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCheck } from './runners/check.ts';
import { scratchFolder } from './runners/scratch.ts';
import { line, sum, type Tally } from './runners/tally.ts';
import { runVitest } from './runners/vitest.ts';

/**
 * `npm test`: every check and every test, whatever fails. The last line has the sum over all of them, a check counting
 * as one test. The checks share the two cores; the tests, some of which measure time, have them for themselves.
 */
async function runChecks(): Promise<Tally[]> {
  const lanes = await Promise.all([
    inTurn([() => runCheck('lint', ['eslint', '.'])]),
    inTurn([
      () => runCheck('types', ['tsc', '--noEmit']),
      () => runCheck('types of the plugin', ['tsc', '--noEmit', '--project', 'grafana-plugin']),
      () => runCheck('format', ['prettier', '--check', '--log-level', 'warn', '.']),
      () => runCheck('unused code', ['knip', '--no-progress']),
      () => runCheck('what the oldest Grafana has', ['grafana-plugin/levitate.ts']),
    ]),
  ]);
  return lanes.flat();
}

async function inTurn(steps: readonly (() => Promise<Tally>)[]): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (const step of steps) tallies.push(await step());
  return tallies;
}

process.env['TMPDIR'] = scratchFolder();

/**
 * Each file of tests is a process that reads the packages it needs anew. The cache lies in a folder of this run alone: what
 * is in it is executed.
 */
const compileCache = await mkdtemp(join(tmpdir(), 'lowtide-compile-cache-'));
process.env['NODE_COMPILE_CACHE'] = compileCache;

const checks = await runChecks();
const tests = await inTurn(
  ['unit', 'components', 'integration', 'browser'].map((project) => () => runVitest(project)),
);
await rm(compileCache, { recursive: true, force: true });
const tally = sum([...checks, ...tests]);
console.log(`\n${line(tally)}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
