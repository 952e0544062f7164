import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quickstartGuide } from '../../exporter/src/quickstart/quickstart.ts';
import { admin, operator, TestService, tokens } from '../servers/service.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../exporter/docs/${name}`, import.meta.url), 'utf8');
const blocks = (name: string, language: string): string[] =>
  [...page(name).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, block]) => block ?? '',
  );
const airflow = fileURLToPath(new URL('../servers/airflow/', import.meta.url));
const run = promisify(execFile);

const schedules = `  - id: files
    source: { type: directory, path: FOLDER/docs }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }`;

let service: TestService;
let work: string;
beforeEach(async () => {
  work = mkdtempSync(join(tmpdir(), 'lowtide-docs-'));
  service = await TestService.start(schedules, {
    more: `${tokens}\nrestore_targets: { scratch: { to: FOLDER/scratch } }`,
  });
  mkdirSync(join(service.installation.folder, 'docs'));
  writeFileSync(join(service.installation.folder, 'docs', 'a.txt'), 'hello');
});
afterEach(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

it('the pages of the documentation are served, with all that they and the guide of the quickstart link to', async () => {
  const guide = quickstartGuide(new URL(service.url('/')).host, 'lowtide.yaml');
  const named = [...guide.matchAll(/\/docs\/[\w-]+\.md/g)].map(([path]) => path);
  expect(named.length).toBeGreaterThan(0);
  const pending = ['/docs/README.md', '/docs/errors.md', '/docs/runbooks.md', ...named];
  // It grows while it is gone through.
  for (const path of pending) {
    const answer = await fetch(service.url(path));
    expect([path, answer.status]).toEqual([path, 200]);
    for (const [, link = ''] of (await answer.text()).matchAll(/\]\(([\w-]+\.md)(?:#[\w-]+)?\)/g)) {
      if (!pending.includes(`/docs/${link}`)) pending.push(`/docs/${link}`);
    }
  }
  expect(pending.length).toBeGreaterThan(15);
});

/** Runs a script as bash does; of each curl the path, and the status it was answered with. */
async function shell(script: string): Promise<{ readonly stdout: string; readonly calls: string[] }> {
  const codes = join(work, 'codes');
  writeFileSync(codes, '');
  // A stream would go on for ever.
  const prelude = `curl() { case "$*" in *-sN*) set -- --max-time 0.5 "$@";; esac
    command curl -w "%{stderr}%{http_code} %{url_effective}\\n" "$@" 2>> ${codes}; }\n`;
  const env = { ...process.env, TOKEN: admin, LOWTIDE: service.url('/api/v1') };
  const { stdout } = await run('bash', ['-c', prelude + script], { env, cwd: work });
  const calls = readFileSync(codes, 'utf8')
    .split('\n')
    .filter((line) => /^\d{3} http/.test(line))
    .map((line) => line.replace(/ http:\/\/[^/]+\/api\/v1/, ' '));
  return { stdout, calls };
}

describe('docs/api.md', () => {
  it('has lines for curl that do what they say', async () => {
    const lines = blocks('api.md', 'sh')
      .filter((block) => block.includes('curl'))
      .map((block) => block.replace(/^export .*\n/gm, ''));
    const { calls } = await shell([...lines, 'true'].join('\n'));
    expect(calls.length).toBe([...lines.join('').matchAll(/curl -s/g)].length);
    // The run may have been over before it was cancelled.
    const refused = calls.filter((call) => !call.startsWith('2') && !/^409 .*\/cancel$/.test(call));
    expect(refused).toEqual([]);
    expect((await service.call('/schedules/files-monthly')).status).toBe(200);
    expect((await service.call('/schedules/files')).body).toMatchObject({ paused: false });
  });
});

describe('docs/orchestrators.md', () => {
  it('has a script that makes one backup and says which, and one for the rotation', async () => {
    const [script = '', ...others] = blocks('orchestrators.md', 'sh');
    const file = join(work, 'backup.sh');
    writeFileSync(file, script);
    const env = { ...process.env, TOKEN: operator, LOWTIDE: service.url('/api/v1') };
    const first = await run('sh', [file, 'files'], { env });
    expect(first.stdout.trim()).toMatch(/^files-/);
    // Sent again, as after a lost connection.
    expect((await run('sh', [file, 'files'], { env })).stdout).toBe(first.stdout);
    rmSync(join(service.installation.folder, 'docs'), { recursive: true });
    const later = script.replace('%FT%H', '%s%N');
    await expect(run('sh', ['-c', later, 'sh', 'files'], { env })).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('docs') as string,
    });

    const rest = await shell(others.join('\n'));
    expect(rest.calls.map((call) => call.replace(/\?.*/, ''))).toEqual([
      '200 /plan',
      '200 /rotations',
      '200 /rotations',
    ]);
    expect(rest.stdout).toContain('"backups": 1');
    expect(rest.stdout.trim().endsWith('true')).toBe(true);
  });

  it('has DAGs that Python takes, and whose tasks do their work against the service', async () => {
    const [dags = ''] = blocks('orchestrators.md', 'python');
    const quicker = dags.replaceAll('"db-prod"', '"files"').replace('every=15', 'every=0.2');
    writeFileSync(join(work, 'lowtide_dags.py'), quicker);
    const compiled = spawnSync('python3', ['-m', 'py_compile', join(work, 'lowtide_dags.py')], {
      encoding: 'utf8',
    });
    expect(compiled).toMatchObject({ status: 0, stderr: '' });
    await service.post('/schedules/files/pause');
    const [host = '', port = ''] = service.address.split(':');
    const env = { ...process.env, PYTHONPATH: airflow, LOWTIDE_CONNECTION: `${host} ${port} ${admin}` };
    const { stdout } = await run('python3', ['lowtide_dags.py'], { env, cwd: work });
    const done = stdout.split('\n').filter((line) => line.startsWith('task '));
    expect(done).toEqual([
      'task optimal_start',
      expect.stringMatching(/^task wait_for_low_tide until 20\d\d-\d\d-\d\dT/),
      'task back_up',
      'task prove',
      'task look',
      'task rotate',
      'task retire',
    ]);
    expect((await service.call('/backups')).body['items']).toHaveLength(1);
    expect((await service.call('/rotations')).body['items']).toMatchObject([
      { status: 'completed', atLowTide: true, daysBack: 90, done: { backups: 1 } },
    ]);
    const keys = (await service.call('/keys')).body['items'] as { state: string }[];
    expect(keys.map(({ state }) => state)).toEqual(['retired', 'active']);
  }, 120_000);
});
