import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apiDocsText, openApiText } from '../../setup/schema.ts';
import { actionRoles } from './actions.ts';
import * as contract from './contract.ts';
import { openApiDocument } from './openapi.ts';
import { routes, type Route } from './routes.ts';
import { components } from './schemas/common.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const docs = read('../../docs/api.md');
const all = Object.entries(routes) as [string, Route][];

interface Described {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { operationId: string; summary: string }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, { description?: string }>> };
}
const described = openApiDocument('1.2.3') as unknown as Described;

describe('what is made of the routes', () => {
  it('is fresh: else run "npm run schema --workspace exporter"', async () => {
    expect(read('../../schema/openapi.json')).toBe(openApiText());
    expect(docs).toBe(await apiDocsText(docs));
  });

  it('describes every route once, and no other', () => {
    const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [operationId, method, path]),
    );
    const wanted = all.map(([name, { method, path }]) => [name, method, path]);
    expect(operations).toEqual([...wanted, ['getDescription', 'get', '/openapi.json']]);
  });

  it('names and explains every part, and refers to none that is not there', () => {
    const { schemas } = described.components;
    expect(Object.entries(schemas).filter(([, { description }]) => description === undefined)).toEqual([]);
    const references = [...openApiText().matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    );
    expect(references.filter((name) => !(name in schemas))).toEqual([]);
  });

  it('has a type in lowtide/api for every part', () => {
    // Types are gone when this runs: the file itself is asked.
    expect(Object.keys(contract)).toEqual([]);
    const types = [...read('./contract.ts').matchAll(/^export type (\w+) =/gm)].map(([, name]) => name);
    const missing = Object.keys(described.components.schemas).filter((name) => !types.includes(name));
    expect(missing).toEqual(['Copy', 'Snapshot']);
    expect(components.get(routes.getRun.answers[200].schema)?.id).toBe('Run');
  });

  it('asks for the roles that the contract has', () => {
    const roles = Object.groupBy(
      all.filter(([, { method }]) => method !== 'get'),
      ([, { action }]) => actionRoles[action],
    );
    const named = Object.entries(roles).map(([role, entries]) => [
      role,
      entries.map(([name]) => name).sort(),
    ]);
    expect(Object.fromEntries(named)).toEqual({
      operator: [
        'cancelCampaign',
        'cancelDrill',
        'cancelRotation',
        'cancelRun',
        'drillSchedule',
        'pauseSchedule',
        'resumeRotation',
        'resumeSchedule',
        'runSchedule',
        'skipNext',
        'startRotation',
        'verifyBackup',
      ],
      admin: ['addSchedule', 'changeSchedule', 'forgetHost', 'removeSchedule', 'restoreBackup', 'retireKey'],
    });
    expect(all.filter(([, { method, action }]) => method === 'get' && action !== 'read')).toEqual([]);
  });

  it('lets only those who read do without a place in the audit log', () => {
    const unrecorded = all.filter(([, { method, audit }]) => (method === 'get') !== (audit === undefined));
    expect(unrecorded.map(([name]) => name)).toEqual([]);
    const changing = all.filter(
      ([, { method, action }]) => method !== 'get' && actionRoles[action] === 'viewer',
    );
    expect(changing).toEqual([]);
  });
});

describe('docs/api.md', () => {
  it('speaks of no route that is not there', () => {
    const paths = new Set(all.map(([, { path }]) => path.slice(1)));
    const spoken = [...docs.matchAll(/`(?:GET|POST|PATCH|DELETE) ([a-z][^`]*)`/g)].map(
      ([, path]) => path ?? '',
    );
    expect(spoken.length).toBeGreaterThan(2);
    expect(spoken.filter((path) => !paths.has(path.replace(/ .*/, '')))).toEqual([]);
    const called = [...docs.matchAll(/\$LOWTIDE\/([a-z-]+)/g)].map(([, first]) => first ?? '');
    const firsts = new Set([...paths].map((path) => path.split('/')[0]));
    expect(called.filter((first) => !firsts.has(first))).toEqual([]);
  });
});
