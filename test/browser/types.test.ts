import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const tsc = join(root, 'node_modules', '.bin', 'tsc');

it.each([
  ['the plugin fits Grafana 11.1 and React 18', 'grafana-plugin/tsconfig.min.json'],
  ['the host page fits Grafana 13.2', 'test/browser/host/tsconfig.json'],
])('%s', { timeout: 120_000 }, async (_, project) => {
  const run = promisify(execFile)(process.execPath, [tsc, '--noEmit', '--project', project], { cwd: root });
  await expect(run.catch((error: unknown) => (error as { stdout: string }).stdout)).resolves.toMatchObject({
    stdout: '',
  });
});
