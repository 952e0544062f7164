import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseRoute, type Chosen, type PluginRoute, type Role } from './routes.ts';

const source = join(import.meta.dirname, '..', '..', 'grafana-plugin', 'src', 'plugin.json');
const { routes } = JSON.parse(readFileSync(source, 'utf8')) as { routes: PluginRoute[] };
const data = { jsonData: { exporterUrl: 'http://db1:10210' }, secureJsonData: { token: 'secret' } };
const choose = (method: string, path: string, role: Role, given = data): Chosen =>
  chooseRoute(routes, { method, path, role }, given);

describe('the routes of plugin.json', () => {
  it.each<[string, string, Role, string | undefined]>([
    ['GET', 'api/v1/status', 'Viewer', '/status'],
    ['GET', 'api/v1/backups/b1', 'Viewer', '/backups/b1'],
    ['GET', 'api/v1/runs', 'Admin', '/runs'],
    ['POST', 'api/v1/schedules/files/run', 'Viewer', undefined],
    ['POST', 'api/v1/schedules/files/run', 'Editor', '/schedules/files/run'],
    ['POST', 'api/v1/rotations', 'Editor', '/rotations'],
    ['POST', 'admin/api/v1/backups/b1/restore', 'Editor', undefined],
    ['POST', 'admin/api/v1/backups/b1/restore', 'Admin', '/backups/b1/restore'],
    ['POST', 'admin/api/v1/keys/k1/retire', 'Admin', '/keys/k1/retire'],
    ['GET', 'admin/api/v1/status', 'Viewer', undefined],
  ])('let %s %s, as %s, through to %j', (method, path, role, to) => {
    const chosen = choose(method, path, role);
    if (to === undefined) expect(chosen).toEqual({ kind: 'denied' });
    else expect(chosen).toMatchObject({ kind: 'forward', url: `http://db1:10210/api/v1${to}` });
  });

  it.each(['PATCH', 'DELETE', 'PUT'])('know no %s but for admins', (method) => {
    expect(choose(method, 'api/v1/schedules/files', 'Admin')).toEqual({ kind: 'none' });
    expect(choose(method, 'admin/api/v1/schedules/files', 'Editor')).toEqual({ kind: 'denied' });
  });

  it('know nothing else of the exporter', () => {
    for (const path of ['metrics', 'api/v1', 'api/v2/status', '-/ready', '']) {
      expect(choose('GET', path, 'Admin')).toEqual({ kind: 'none' });
    }
  });

  it('send the token with every request, and hold editors to the role of an operator', () => {
    const sent = (method: string, path: string): unknown => {
      const chosen = choose(method, path, 'Admin');
      return chosen.kind === 'forward' ? chosen.headers : chosen;
    };
    const authorization = { Authorization: 'Bearer secret' };
    expect(sent('GET', 'api/v1/status')).toEqual(authorization);
    expect(sent('POST', 'api/v1/backups/b1/restore')).toEqual({
      ...authorization,
      'X-Lowtide-Role': 'operator',
    });
    expect(sent('POST', 'admin/api/v1/backups/b1/restore')).toEqual(authorization);
  });

  it('come to nothing where nothing is set', () => {
    const chosen = choose('GET', 'api/v1/status', 'Viewer', {
      jsonData: {} as never,
      secureJsonData: {} as never,
    });
    expect(chosen).toMatchObject({ url: '<no value>/api/v1/status', headers: { Authorization: 'Bearer ' } });
  });
});
