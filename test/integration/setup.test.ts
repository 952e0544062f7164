import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const guard = join(root, 'exporter', 'src', 'cli', 'node-version.ts');
const noPrograms = { PATH: '/nonexistent' };

describe('the start-up guard', () => {
  it('is silent with this Node, as a module and as a script', () => {
    expect(node([guard])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(node(['-'], { input: readFileSync(guard, 'utf8') })).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('ends an old Node with what is needed and how to get it', () => {
    const old = `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } });`;
    const { status, stdout, stderr } = node(['-'], { input: old + readFileSync(guard, 'utf8') });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`Lowtide needs Node.js 26 or newer. This is 20.20.2 (${process.execPath}).`);
    expect(stderr).toContain('`npm ci`');
  });
});

describe('the set-up of Debian packages', () => {
  it('is silent when nothing is missing', () => {
    const needed = ['--file', join(root, 'test', 'debian-packages.txt')];
    expect(debian([...needed, '--optional', 'zstd', 'age'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('tells of what is merely good to have in one line, and goes on', () => {
    const { status, stdout, stderr } = debian(['--optional', 'zstd', 'age'], noPrograms);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Good to have, and not installed: zstd, age\. To install: .+\n$/);
  });

  it('refuses to go on without what is needed', () => {
    const file = join(root, 'test', 'debian-packages.txt');
    const { status, stderr } = debian(['--file', file], noPrograms);
    expect(status).toBe(1);
    expect(stderr).toContain('postgresql');
  });
});

interface End {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function node(args: readonly string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}): End {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { ...options, encoding: 'utf8' });
  return { status, stdout, stderr };
}

function debian(args: readonly string[], env: NodeJS.ProcessEnv = process.env): End {
  return node([join(root, 'exporter', 'setup', 'debian.ts'), ...args], { env });
}
