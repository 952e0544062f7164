import '../src/cli/node-version.ts';
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * Makes sure that Debian packages are installed: `--optional NAME…` those that are merely good to have, each named like
 * the program in it; `--file FILE` those that are needed, one a line. Installs as root, and tells everybody else how to.
 */
const aptOptions = ['-y', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::http::Timeout=15'];

/** Where Debian asks whether an install may start services. */
const servicePolicy = '/usr/sbin/policy-rc.d';
const startNothing = '#!/bin/sh\n# No service starts while Lowtide installs packages.\nexit 101\n';

/** Those of the packages that dpkg does not have; undefined where there is no dpkg. */
function notInstalled(packages: readonly string[]): string[] | undefined {
  const format = '${Package} ${db:Status-Status}\n';
  const { error, stdout } = spawnSync('dpkg-query', ['--show', '--showformat', format, ...packages], {
    encoding: 'utf8',
  });
  if (error !== undefined) return undefined;
  const lines = new Set(stdout.split('\n'));
  return packages.filter((name) => !lines.has(`${name} installed`));
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Resolves to what went wrong: everything that apt-get said, or nothing. */
async function install(packages: readonly string[]): Promise<string | undefined> {
  console.log(`Installing with apt-get: ${packages.join(' ')}`);
  // A source that cannot be reached is no reason to stop: the package may be in another one.
  const update = await aptGet(['update', ...aptOptions]);
  const isOurs = holdServices();
  // The terminal gives the same signal to apt-get; the policy must not outlive it.
  const onSignal = (): void => undefined;
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const end = await aptGet(['install', '--no-install-recommends', ...aptOptions, ...packages]);
    return end.isDone ? undefined : update.said + end.said;
  } finally {
    if (isOurs) rmSync(servicePolicy, { force: true });
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** True where the policy is ours to take away again: new, or left by an install that was killed. */
function holdServices(): boolean {
  try {
    writeFileSync(servicePolicy, startNothing, { flag: 'wx', mode: 0o755 });
    return true;
  } catch {
    return existsSync(servicePolicy) && readFileSync(servicePolicy, 'utf8') === startNothing;
  }
}

async function aptGet(args: readonly string[]): Promise<{ readonly isDone: boolean; readonly said: string }> {
  const child = spawn('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ isDone: false, said: `${said}${message}\n` }));
    child.once('close', (code) => resolve({ isDone: code === 0, said }));
  });
}

function byHand(packages: readonly string[]): string {
  if (process.platform === 'darwin') return `brew install ${packages.join(' ')}`;
  if (!isOnPath('apt-get')) return "use the system's package manager";
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  return `${sudo}apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

async function offer(packages: readonly string[]): Promise<void> {
  const missing = packages.filter((name) => !isOnPath(name));
  if (missing.length === 0) return;
  const canInstall = process.getuid?.() === 0 && isOnPath('apt-get');
  if (canInstall && (await install(missing)) === undefined) return;
  console.log(`Good to have, and not installed: ${missing.join(', ')}. To install: ${byHand(missing)}`);
}

async function ensure(packages: readonly string[]): Promise<void> {
  const missing = notInstalled(packages);
  if (missing?.length === 0) return;
  if (missing === undefined) {
    console.error(`The tests need a Debian or Ubuntu with these packages: ${packages.join(' ')}`);
    process.exitCode = 1;
    return;
  }
  const trouble = process.getuid?.() === 0 ? await install(missing) : '';
  if (trouble === undefined) return;
  console.error(`${trouble}Needed, and not installed: ${missing.join(' ')}\nTo install: ${byHand(missing)}`);
  process.exitCode = 1;
}

const { values, positionals } = parseArgs({
  options: { optional: { type: 'boolean' }, file: { type: 'string' } },
  allowPositionals: true,
});
if (values.optional === true) await offer(positionals);
if (values.file !== undefined) {
  await ensure(readFileSync(values.file, 'utf8').split('\n').filter(Boolean));
}
