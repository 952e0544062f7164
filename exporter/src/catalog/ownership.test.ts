import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireServiceLock, hasLiveOwner, Owner } from './ownership.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-owners-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const locks = (): string[] => readdirSync(join(folder, 'owners'));

describe('an owner', () => {
  it('is alive from entering to leaving, as others see it, and knows them', () => {
    using first = Owner.enter(folder);
    const second = Owner.enter(folder);
    expect(first.id).not.toBe(second.id);
    expect([first.isAlive(first.id), first.isAlive(second.id), second.isAlive(first.id)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(hasLiveOwner(folder)).toBe(true);
    second[Symbol.dispose]();
    expect(first.isAlive(second.id)).toBe(false);
    expect(first.isAlive('00000000-0000-0000-0000-000000000000')).toBe(false);
  });

  it('leaves no file behind, and removes those that dead owners left', () => {
    const first = Owner.enter(folder);
    closeSync(openSync(join(folder, 'owners', 'dead.lock'), 'w'));
    const second = Owner.enter(folder);
    expect(locks().sort()).toEqual([`${first.id}.lock`, `${second.id}.lock`].sort());
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(locks()).toEqual([]);
    expect(hasLiveOwner(folder)).toBe(false);
  });

  it('keeps its folder to itself', () => {
    using owner = Owner.enter(folder);
    expect(owner.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(statSync(join(folder, 'owners')).mode & 0o777).toBe(0o700);
  });

  it('is nobody where there is no state at all', () => {
    expect(hasLiveOwner(join(folder, 'nowhere'))).toBe(false);
  });
});

describe('the service lock', () => {
  const holder = (): string => join(folder, 'service.json');

  it('is refused to a second service, which is told who holds it', () => {
    using first = acquireServiceLock(folder);
    expect(first).toBeDefined();
    expect(() => acquireServiceLock(folder)).toThrow(
      expect.objectContaining({
        code: 'state_busy',
        message: `process ${process.pid} on ${hostname()} already serves ${folder}`,
      }),
    );
    expect(statSync(holder()).mode & 0o777).toBe(0o600);
  });

  it('is free again once disposed', () => {
    acquireServiceLock(folder)[Symbol.dispose]();
    expect(existsSync(holder())).toBe(false);
    acquireServiceLock(folder)[Symbol.dispose]();
  });

  it('does not believe a note that a killed service left, even if its pid is in use again', () => {
    writeFileSync(holder(), JSON.stringify({ pid: process.ppid, host: hostname() }));
    using lock = acquireServiceLock(folder, 4242);
    expect(lock).toBeDefined();
    expect(JSON.parse(readFileSync(holder(), 'utf8'))).toEqual({ pid: 4242, host: hostname() });
  });

  it.each(['', 'not json', '{"pid":"x"}'])('says "another process" where the note reads %j', (note) => {
    using lock = acquireServiceLock(folder);
    expect(lock).toBeDefined();
    writeFileSync(holder(), note);
    expect(() => acquireServiceLock(folder)).toThrow(`another process already serves ${folder}`);
  });

  it('is denied, not busy, where the folder cannot be written', () => {
    expect(() => acquireServiceLock(join(folder, 'service.json', 'deeper'))).toThrow(
      expect.objectContaining({ name: 'LowtideError' }),
    );
  });
});
