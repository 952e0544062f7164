import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import { readRequest } from './requests.ts';
import { routes, type Route } from './routes.ts';

/** What the caller is told of a request that is wrong. */
function refusal(route: Route, asked: { query?: object; body?: unknown }): string {
  try {
    readRequest(route, { params: {}, query: {}, ...asked } as unknown as Request);
  } catch (error) {
    return (error as Error).message.replace('the request is not as described: ', '');
  }
  return 'none';
}

describe('a request that is wrong is told what would be right', () => {
  it.each<[object, string]>([
    [{ hours: '24' }, 'none'],
    [{ hour: '24' }, 'query: "hour" is not known here. Did you mean hours?'],
    [{ colour: 'red' }, 'query: "colour" is not known here: there could be host, hours, paused'],
    [{ hours: 'many' }, 'query.hours: must be a number'],
    [{ hours: '1.5' }, 'query.hours: must be a whole number'],
    [{ hours: '0' }, 'query.hours: must be at least 1'],
    [{ hours: '9999' }, 'query.hours: must be at most 168'],
    [{ hours: '0', paused: '' }, 'query.hours: must be at least 1; query.paused: must be one of true, false'],
  ])('GET plan %j', (query, told) => {
    expect(refusal(routes.getPlan, { query })).toBe(told);
  });

  it.each<[unknown, string]>([
    [[], 'body: must be a JSON object'],
    [{}, 'body.target: is missing'],
    [{ target: 7 }, 'body.target: must be text'],
    [{ target: '' }, 'body.target: is not of the form that is described'],
    [{ target: 'x', force: 'yes' }, 'body.force: must be true or false'],
  ])('POST restore %j', (body, told) => {
    expect(refusal(routes.restoreBackup, { body })).toBe(told);
  });

  it('repeats nothing of what was said but names', () => {
    const secret = 'AGE-SECRET-KEY-1QQQ';
    for (const route of Object.values(routes) as Route[]) {
      if (route.body === undefined) continue;
      expect(refusal(route, { body: { target: secret, like: [secret], mode: secret } })).not.toContain(
        secret,
      );
    }
  });
});
