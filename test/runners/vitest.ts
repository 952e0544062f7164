import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './program.ts';
import type { Tally } from './tally.ts';

/** The part of vitest's JSON report that is counted. */
interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Runs one of the projects of vitest.config.ts. */
export async function runVitest(project: string): Promise<Tally> {
  console.log(`\n${project} tests`);
  const folder = await mkdtemp(join(tmpdir(), 'lowtide-vitest-'));
  try {
    const report = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { code } = await runProgram('vitest', ['run', '--project', project, ...reporters], 'show');
    return countVitest(await readFile(report, 'utf8').catch(() => undefined), code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Counts by the report. A file that failed without a failed test (it could not be loaded, or its set-up failed) is one
 * failure, and so is a run that ended badly for no reason the report has: a crash, an error outside of all tests.
 */
export function countVitest(report: string | undefined, exitCode: number | null): Tally {
  const files = parse(report)?.testResults ?? [];
  const statuses = files.flatMap((file) => file.assertionResults.map(({ status }) => status));
  const brokenFiles = files.filter(
    (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
  );
  const passed = statuses.filter((status) => status === 'passed').length;
  const failed = statuses.filter((status) => status === 'failed').length + brokenFiles.length;
  const skipped = statuses.length - passed - (failed - brokenFiles.length);
  const endedBadly = exitCode !== 0 || files.length === 0;
  return { passed, failed: failed === 0 && endedBadly ? 1 : failed, skipped };
}

/** Undefined for a report that is missing or was cut off. */
function parse(report: string | undefined): Report | undefined {
  try {
    return report === undefined ? undefined : (JSON.parse(report) as Report);
  } catch {
    return undefined;
  }
}
