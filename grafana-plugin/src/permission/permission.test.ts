import type { Status } from 'lowtide/api';
import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { toEnglish } from '../words/words.testdata.ts';
import { say } from '../words/words.ts';
import { hostOf } from '../hosts/hosts.testdata.ts';
import { objectionOfHost, objectionToOperation, type Asker, type Operation } from './permission.ts';

type Caller = Status['caller'];

const format = formatFor({ language: 'en', timezone: 'UTC' });
const operates: Caller['actions'] = ['read', 'run', 'pause', 'skip', 'cancel', 'verify', 'rotate'];
const operator: Caller = { role: 'operator', actions: operates };
const admin: Caller = { role: 'admin', actions: [...operates, 'restore', 'schedules', 'keys'] };
const why = (
  operation: Operation,
  grafanaRole: Asker['grafanaRole'],
  caller?: Caller,
): string | undefined => {
  const status = caller === undefined ? undefined : { caller };
  const objection = objectionToOperation(operation, { grafanaRole, status });
  return objection && say(objection, toEnglish, format);
};

describe('what keeps somebody from an operation', () => {
  it.each<[Operation, Asker['grafanaRole'], Caller | undefined, string | undefined]>([
    ['run', 'Viewer', admin, 'Your role in Grafana is Viewer; this needs Editor.'],
    ['run', '', admin, 'Your role in Grafana is –; this needs Editor.'],
    ['run', 'Editor', operator, undefined],
    ['run', 'Admin', undefined, 'The exporter does not answer.'],
    ['restore', 'Editor', admin, 'Your role in Grafana is Editor; this needs Admin.'],
    [
      'restore',
      'Admin',
      operator,
      'The token that Grafana uses has the role operator, which may not do this.',
    ],
    ['keys', 'Admin', admin, undefined],
    ['verify', 'Editor', { role: 'admin', actions: ['read'] }, 'The exporter does not let you do this.'],
  ])('%s, as %j', (operation, role, caller, reason) => {
    expect(why(operation, role, caller)).toBe(reason);
  });
});

describe('what keeps another host from it', () => {
  const there = hostOf('db2');
  it.each<[Operation, Parameters<typeof objectionOfHost>[1], string | undefined]>([
    ['run', undefined, undefined],
    ['restore', hostOf('db1', { isSelf: true }), undefined],
    ['run', there, undefined],
    ['pause', there, undefined],
    ['cancel', there, undefined],
    ['verify', there, 'Only db2 itself does this: ask the Lowtide there.'],
    ['restore', there, 'Only db2 itself does this: ask the Lowtide there.'],
    ['skip', hostOf('db2', { state: 'silent' }), 'db2 is silent: nobody there would do it.'],
    ['run', hostOf('db2', { state: 'left' }), 'db2 is stopped: nobody there would do it.'],
  ])('%s', (operation, host, reason) => {
    const objection = objectionOfHost(operation, host);
    expect(objection && say(objection, toEnglish, format)).toBe(reason);
  });
});
