import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { toEnglish } from '../words/words.testdata.ts';
import { say } from '../words/words.ts';
import { failureOf } from './failure.ts';

const format = formatFor({ language: 'en', timezone: 'UTC' });
const problem = { type: 'about:blank', title: 'Forbidden', detail: 'the token is not valid' };

describe('a request that failed', () => {
  it.each([
    ['nothing came back', {}, 'noSession'],
    ['an empty 502 of the proxy', { status: 502, data: '' }, 'unreachable'],
    ['an empty 504 of the proxy', { status: 504, data: null }, 'timeout'],
    ['a token that is not taken', { status: 403, data: { ...problem, code: 'unauthenticated' } }, 'token'],
    ['a token that may not', { status: 403, data: { ...problem, code: 'forbidden' } }, 'refused'],
    [
      'a role of Grafana',
      { status: 403, data: { message: 'plugin proxy route access denied' } },
      'grafanaRole',
    ],
    ['an app that is off', { status: 404, data: { message: 'Plugin not found' } }, 'off'],
    ['an address that is none', { status: 500, data: { message: 'failed to proxy' } }, 'off'],
    ['a page of another server', { status: 404, data: '<html>' }, 'foreign'],
    ['a source that is down', { status: 502, data: { ...problem, code: 'source_unreachable' } }, 'said'],
  ])('by %j is told apart', (_, answer, kind) => {
    const failure = failureOf(answer);
    expect(failure.kind).toBe(kind);
    expect(say(failure.message, toEnglish, format)).not.toMatch(/\{\{|failure\./);
  });
});
