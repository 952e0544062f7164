import { describe, expect, it } from 'vitest';
import { actionRoles, grantedActions, heldTo } from './actions.ts';

const granted = (...args: Parameters<typeof grantedActions>): string[] => [...grantedActions(...args)].sort();

describe('what a caller may do', () => {
  it('grows with the role', () => {
    expect(granted('viewer', undefined, undefined)).toEqual(['read']);
    expect(granted('operator', undefined, undefined)).toEqual([
      'cancel',
      'pause',
      'read',
      'rotate',
      'run',
      'skip',
      'verify',
    ]);
    expect(granted('admin', undefined, undefined)).toEqual(Object.keys(actionRoles).sort());
  });

  it('is the same for every login, where the token names none', () => {
    expect(granted('operator', undefined, 'alice')).toEqual(granted('operator', undefined, undefined));
  });

  it('is for each login what the token says, within the role', () => {
    const logins = { alice: ['all'], bob: ['run', 'restore'], eve: [] };
    expect(granted('operator', logins, 'alice')).toEqual(granted('operator', undefined, undefined));
    expect(granted('operator', logins, 'bob')).toEqual(['read', 'run']);
    expect(granted('admin', logins, 'bob')).toEqual(['read', 'restore', 'run']);
    for (const login of ['eve', 'mallory', undefined, '__proto__', 'constructor', 'Alice']) {
      expect(granted('admin', logins, login)).toEqual(['read']);
    }
  });
});

describe('a request that holds itself to a role', () => {
  it.each([
    ['admin', undefined, 'admin'],
    ['admin', 'operator', 'operator'],
    ['admin', 'viewer', 'viewer'],
    ['operator', 'admin', 'operator'],
    ['viewer', 'operator', 'viewer'],
    ['admin', 'Operator', 'viewer'],
    ['admin', '', 'viewer'],
    ['operator', 'constructor', 'viewer'],
  ] as const)('of a token that is %s, naming %j, is %s', (role, named, held) => {
    expect(heldTo(role, named)).toBe(held);
  });
});
