import type { Host } from 'lowtide/api';
import { EventBusSrv, type AppRootProps } from '@grafana/data';
import { locationService, setAppEvents, setBackendSrv, type BackendSrvRequest } from '@grafana/runtime';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import React, { useEffect, useState } from 'react';
import { Router, type Location, type Navigator } from 'react-router';
import { of, throwError, type Observable } from 'rxjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { App } from '../app/App.tsx';
import { keyOf, rotationOf, statusOf } from '../rotation/rotation.testdata.ts';
import { loadOfDays, now, runOf, scheduleOf, slotOf } from '../timeline/tide.testdata.ts';
import { hourMs } from '../timeline/zone.ts';
import { backupLink, hostLink } from './host-links.ts';
import { fleet, hostOf } from './hosts.testdata.ts';

const names = fleet.map(({ instance }) => instance);
const status = statusOf({
  instance: 'db1',
  caller: {
    token: 'grafana',
    role: 'operator',
    actions: ['read', 'run', 'pause', 'skip', 'cancel', 'verify', 'keys'],
  },
});

/** What each host has: the same schedule, and a run of it. */
const lists: Readonly<Record<string, (host: string) => object>> = {
  schedules: (host) => scheduleOf('docs', { nextRunAt: new Date(now + hourMs).toISOString(), host }),
  runs: (host) => ({ ...runOf('docs', now - hourMs - names.indexOf(host)), id: `run-${host}`, host }),
  keys: () => keyOf('k1', { state: 'retiring', backups: 0 }),
  drills: () => ({}),
  rotations: (host) => ({ ...rotationOf({ status: 'completed' }), host }),
  backups: () => ({}),
};

let hosts: readonly Host[] | number;
let problems: readonly object[];
/** What a request to another host has come to. */
let relayed: { readonly state: string; readonly error?: object };
let asked: BackendSrvRequest[];

function answerOf({ url, method, params }: BackendSrvRequest): unknown {
  const path = url.replace(/^api\/plugin-proxy\/lowtide-backups-app\/api\/v1\//, '');
  const { host } = (params ?? {}) as { host?: string };
  if (method === 'POST') return { kind: 'request', id: 'q1', host, state: 'waiting' };
  if (path === 'requests/q1') return { kind: 'request', id: 'q1', host: 'db2', ...relayed };
  if (path === 'hosts') return typeof hosts === 'number' ? hosts : { items: [...hosts] };
  if (path === 'status') return status;
  if (path === 'load') return loadOfDays();
  const whose = host === '*' ? names : [host ?? 'db1'];
  if (path === 'plan') {
    return {
      from: '',
      until: '',
      slots: whose.map((each) => ({ ...slotOf('docs', now + hourMs), host: each })),
    };
  }
  const list = lists[path];
  return { items: list === undefined || path === 'backups' ? [] : whose.map(list), problems };
}

function fetch(request: BackendSrvRequest): Observable<unknown> {
  asked.push(request);
  const answer = answerOf(request);
  const data = { type: '', title: 'Not found', detail: 'there is no such route', code: 'not_found' };
  return typeof answer === 'number'
    ? throwError(() => ({ status: answer, data, config: request }))
    : of({ data: answer, status: 200 });
}

/** Of the package `history`, which comes with Grafana. */
interface BrowserHistory extends Navigator {
  readonly location: Location;
  readonly listen: (listener: (location: Location) => void) => () => void;
}

function AtLocation(): React.JSX.Element {
  const history = locationService.getHistory() as unknown as BrowserHistory;
  const [location, setLocation] = useState(history.location);
  useEffect(() => history.listen((next) => setLocation(next)), [history]);
  const meta = { jsonData: { exporterUrl: 'http://db1:10210' }, info: { logos: { large: '' } } };
  return (
    <Router location={location} navigator={history}>
      <App {...({ meta } as unknown as AppRootProps)} />
    </Router>
  );
}

const passes = async (ms = 0): Promise<void> => {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
};
async function open(path: string): Promise<void> {
  locationService.push(path);
  render(<AtLocation />);
  await passes();
}
/** Whose lists were asked for. */
const whoseOf = (path: string): unknown[] =>
  asked.filter(({ url }) => url.endsWith(`/${path}`)).map(({ params }) => (params as { host?: string }).host);
const rowsOf = (name: string): string[] =>
  within(screen.getAllByRole('region', { name }).at(-1)!)
    .getAllByRole('row')
    .slice(1)
    .map(({ textContent }) => textContent);

let toasts: string[];
beforeAll(() => {
  setBackendSrv({ fetch } as never);
  const events = new EventBusSrv();
  for (const type of ['alert-success', 'alert-error']) {
    events
      .getStream({ type } as never)
      .subscribe(({ payload }) => toasts.push((payload as string[]).join(' ')));
  }
  setAppEvents(events);
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(900);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(400);
  const context = { measureText: (text: string) => ({ width: 6 * text.length }) };
  HTMLCanvasElement.prototype.getContext = () => context as never;
});
beforeEach(() => {
  vi.useFakeTimers({ now });
  hosts = fleet;
  problems = [];
  relayed = { state: 'waiting' };
  asked = [];
  toasts = [];
});
afterEach(() => {
  vi.useRealTimers();
});

describe('with one host', () => {
  it.each([
    ['an exporter that knows of no others', [hostOf('db1', { isSelf: true })]],
    ['one that is older than hosts are', 404],
  ])('nothing is said of hosts, and none is asked for: %s', async (_, known) => {
    hosts = known;
    await open('/schedules?host=db2');
    expect(rowsOf('Schedules')[0]).toMatch(/^docs/);
    expect(whoseOf('schedules')).toEqual([undefined]);
    expect(screen.queryByLabelText('Hosts')).toBeNull();
    expect(screen.queryByRole('columnheader', { name: 'Host' })).toBeNull();
    expect(screen.getByRole('button', { name: 'Run now: docs' })).toBeTruthy();
  });
});

describe('with several hosts', () => {
  it('what all of them have is shown, equal names apart, and what is silent is marked', async () => {
    await open('/schedules');
    expect(whoseOf('schedules')).toEqual(['*']);
    expect(whoseOf('load')).toEqual([]);
    expect(rowsOf('Schedules')).toEqual([
      expect.stringContaining('db1'),
      expect.stringContaining('db2'),
      expect.stringContaining('db3'),
    ]);
    expect(screen.getByText('db3 is silent.')).toBeTruthy();
    expect(screen.getByText('What is shown of it is what was last known.')).toBeTruthy();
    expect(screen.getByRole('application').textContent).toMatch(/docs \(db1\).*docs \(db2\).*docs \(db3\)/);
  });

  it('those that the address names are asked, each by its name', async () => {
    await open('/activity?host=db2&host=db1');
    expect(whoseOf('runs')).toEqual(['db1', 'db2']);
    expect(rowsOf('Runs')).toEqual([expect.stringContaining('db1'), expect.stringContaining('db2')]);
    expect(screen.queryByText(/is silent/)).toBeNull();
  });

  it('of a single one no column says whose it is, and its load is shown', async () => {
    await open('/schedules?host=db2');
    expect(whoseOf('load')).toEqual(['db2']);
    expect(screen.queryByRole('columnheader', { name: /Host/ })).toBeNull();
    expect(rowsOf('Schedules')).toHaveLength(1);
  });

  it('one that is chosen stays in the address, and is asked no more often for it', async () => {
    await open('/schedules');
    fireEvent.keyDown(screen.getByLabelText('Hosts'), { key: 'ArrowDown' });
    expect(screen.getByText('db3 (silent)')).toBeTruthy();
    fireEvent.click(screen.getByText('db2', { selector: '[role=option] *' }));
    await passes();
    expect(locationService.getSearch().getAll('host')).toEqual(['db2']);
    expect(whoseOf('schedules').at(-1)).toBe('db2');
    const { length } = whoseOf('schedules');
    await passes(21_000);
    expect(whoseOf('schedules')).toHaveLength(length);
  });

  it('one that falls silent is told of while the page stays open, and nothing is asked anew for it', async () => {
    hosts = fleet.map((host) => ({ ...host, state: 'alive' as const }));
    await open('/schedules');
    expect(screen.queryByText(/is silent/)).toBeNull();
    hosts = fleet;
    await passes(10_000);
    expect(screen.getByText('db3 is silent.')).toBeTruthy();
    expect(whoseOf('schedules')).toHaveLength(1);
  });

  it('a host that could not be read is named, with why', async () => {
    problems = [{ host: 'db3', code: 'state_newer', message: 'its state is of a later version' }];
    await open('/activity');
    expect(screen.getByText('One host could not be read:')).toBeTruthy();
    expect(screen.getByText(/db3: its state is of a later version/)).toBeTruthy();
  });

  it('keys are said to be of the host that answers, and a dialog names it', async () => {
    await open('/keys');
    expect(screen.getByText(/This is of db1/)).toBeTruthy();
    expect(rowsOf('Rotations').map((row) => /db\d/.exec(row)?.[0])).toEqual(names);
    fireEvent.click(screen.getByRole('button', { name: 'Retire: k1' }));
    expect(screen.getByText('Retire the key k1 (db1)')).toBeTruthy();
  });

  it('the overview lists them, the silent ones first, and says that one is', async () => {
    await open('/overview');
    const rows = rowsOf('Hosts');
    expect(rows[0]).toMatch(/db3.*Silent, heard 5 minutes ago/);
    expect(rows[1]).toMatch(/db1.*Planner.*Alive.*west/);
    expect(screen.getByText(/db3 is silent: it was last heard of/)).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Schedules: db2' }).getAttribute('href')).toContain(
      '/schedules?host=db2',
    );
  });
});

describe('what another host is asked to do', () => {
  const runOnDb2 = async (): Promise<void> => {
    await open('/schedules');
    fireEvent.click(screen.getByRole('button', { name: 'Run now: docs (db2)' }));
    await passes();
  };

  it('names it, and is told of when it was asked and when it has done it', async () => {
    await runOnDb2();
    const post = asked.find(({ method }) => method === 'POST');
    expect(post?.url).toMatch(/schedules\/docs\/run$/);
    expect(post?.params).toEqual({ host: 'db2' });
    expect(toasts).toEqual(['db2 is asked to.']);
    await passes(6000);
    expect(toasts).toHaveLength(1);
    relayed = { state: 'done' };
    await passes(2000);
    expect(toasts.at(-1)).toBe('The backup of docs (db2) has begun.');
  });

  it.each([
    ['refused', { message: 'docs is running already', hint: 'Wait.' }, /docs is running already Wait\./],
    ['expired', undefined, /will not do it any more/],
    ['unknown', undefined, /not known whether db2 has done it/],
  ])('says so where it was %s', async (state, error, said) => {
    relayed = { state, ...(error !== undefined && { error }) };
    await runOnDb2();
    await passes(2000);
    expect(toasts.at(-1)).toMatch(said);
  });

  it('is not to be had of one that is silent, and says why', async () => {
    await open('/schedules');
    const run = screen.getByRole('button', { name: 'Run now: docs (db3)' });
    expect(run.getAttribute('aria-disabled')).toBe('true');
    fireEvent.focus(run);
    await passes(500);
    expect(screen.getByText('db3 is silent: nobody there would do it.')).toBeTruthy();
  });
});

describe('the way to a host', () => {
  it('names it in the address, and nothing where there is but one', () => {
    expect(hostLink('schedules', 'db 2')).toMatch(/\/a\/lowtide-backups-app\/schedules\?host=db\+2$/);
    expect(backupLink('b1', 'db2')).toMatch(/\/backups\?backup=b1&of=db2&host=db2$/);
    expect(backupLink('b1', undefined)).toMatch(/\/backups\?backup=b1$/);
  });
});
