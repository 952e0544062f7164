import { describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { problem, problemOf } from './problem.ts';

describe('a problem', () => {
  it('of a refusal has its words, code, remedy and status', () => {
    const refusal = new LowtideError('store_full', 'no room on local', {
      hint: 'Prune.',
      cause: new Error('ENOSPC'),
    });
    expect(problemOf(refusal)).toEqual({
      type: 'about:blank',
      title: 'Insufficient Storage',
      status: 507,
      detail: 'no room on local',
      code: 'store_full',
      hint: 'Prune.',
      docs: '/docs/errors.md',
    });
  });

  it.each([
    ['an error', new Error('password=hunter2')],
    ['an internal one', new LowtideError('internal', 'password=hunter2', { hint: 'hunter2' })],
    ['anything thrown', 'hunter2'],
    ['a status that is not the client’s fault', Object.assign(new Error('hunter2'), { status: 502 })],
  ])('of %s tells nothing of it', (_, thrown) => {
    const answer = problemOf(thrown);
    expect(answer).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  it('of a request that cannot be read has the status the parser gave', () => {
    expect(problemOf(Object.assign(new URIError('malformed'), { status: 400 }))).toMatchObject({
      status: 400,
      title: 'Bad Request',
      code: 'usage',
    });
  });

  it('may have members of its own, but not for the standard ones', () => {
    expect(problem(503, 'down', { checks: [], status: 200 })).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: 'down',
      checks: [],
    });
  });
});
