import { describe, expect, it } from 'vitest';
import { addressGroup, isLocalHost, isLoopback, plainAddress } from './address.ts';
import { Guard, RateLimited } from './guard.ts';

function guarded(): { guard: Guard; wait: (ms: number) => void } {
  let now = 0;
  const guard = new Guard(() => now, {
    requestsPerSecond: 10,
    burst: 5,
    freeFailures: 3,
    longestBlockMs: 8000,
  });
  return { guard, wait: (ms) => (now += ms) };
}

describe('the guard', () => {
  it('lets each caller send a burst, and then so many a second', () => {
    const { guard, wait } = guarded();
    for (let count = 0; count < 5; count += 1) guard.admit('a');
    expect(() => guard.admit('a')).toThrow(RateLimited);
    guard.admit('b');
    wait(99);
    expect(() => guard.admit('a')).toThrow(RateLimited);
    wait(101);
    guard.admit('a');
    expect(() => guard.admit('a')).toThrow(RateLimited);
  });

  it('does not listen after some failures, for twice as long after each further one, up to a bound', () => {
    const { guard, wait } = guarded();
    const blockedMs = (): number => {
      for (let ms = 0; ; ms += 500) {
        try {
          guard.refuseBlocked('address', 'new');
          return ms;
        } catch {
          wait(500);
        }
      }
    };
    const blocks = Array.from({ length: 8 }, () => [guard.failed('address'), blockedMs()]);
    expect(blocks).toEqual([
      [false, 0],
      [false, 0],
      [false, 0],
      [true, 1000],
      [false, 2000],
      [false, 4000],
      [false, 8000],
      [false, 8000],
    ]);
    guard.refuseBlocked('elsewhere', 'new');
    wait(16 * 60_000);
    guard.failed('address');
    expect(blockedMs()).toBe(0);
  });

  it('goes on listening to what was let in from the address before', () => {
    const { guard } = guarded();
    guard.succeeded('address', 'known');
    for (let count = 0; count < 10; count += 1) guard.failed('address');
    guard.refuseBlocked('address', 'known');
    expect(() => guard.refuseBlocked('address', 'new')).toThrow(
      expect.objectContaining({ code: 'rate_limited', retryAfterSeconds: 8 }) as Error,
    );
  });

  it('remembers only so many', () => {
    const { guard } = guarded();
    for (let count = 0; count < 4; count += 1) guard.failed('first');
    for (let count = 0; count < 10_000; count += 1) guard.failed(`address ${count}`);
    guard.refuseBlocked('first', 'new');
  });
});

describe('an address', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['::ffff:127.8.9.1', '127.8.9.1', true],
    ['::1', '0:0:0:0::/64', true],
    ['::ffff:10.0.0.7', '10.0.0.7', false],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', false],
    ['2001:db8::7', '2001:db8:0:0::/64', false],
    ['fe80::1%eth0', 'fe80:0:0:0::/64', false],
    [undefined, 'unknown', false],
  ])('%s is counted as %s', (remote, group, loopback) => {
    const address = plainAddress(remote);
    expect(addressGroup(address)).toBe(group);
    expect(isLoopback(address)).toBe(loopback);
  });

  it.each([
    ['localhost:10210', true],
    ['127.0.0.1:10210', true],
    ['[::1]:10210', true],
    ['evil.example:10210', false],
    ['localhost.evil.example', false],
    ['192.168.0.7', false],
    [undefined, false],
  ])('a Host of %s is this machine: %s', (host, local) => {
    expect(isLocalHost(host)).toBe(local);
  });
});
