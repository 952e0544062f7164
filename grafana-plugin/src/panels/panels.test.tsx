import { dateTime, LoadingState, type PanelProps, type TimeRange } from '@grafana/data';
import { setBackendSrv, type BackendSrvRequest } from '@grafana/runtime';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { of, throwError, type Observable } from 'rxjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { keyOf, rotationOf, statusOf } from '../rotation/rotation.testdata.ts';
import { loadOfDays, now, runOf, scheduleOf, slotOf } from '../timeline/tide.testdata.ts';
import { dayMs, hourMs } from '../timeline/zone.ts';
import { RotationPanel, type RotationOptions } from './rotation/RotationPanel.tsx';
import { defaultOptions, type ScheduleOptions } from './schedule/options.ts';
import { SchedulePanel } from './schedule/SchedulePanel.tsx';

const iso = (at: number): string => new Date(at).toISOString();
const schedules = [scheduleOf('db-prod'), scheduleOf('archive')];
const well: Record<string, unknown> = {
  schedules: { items: schedules },
  plan: { from: iso(now), until: iso(now + 2 * dayMs), slots: [slotOf('db-prod', now + 12 * hourMs)] },
  load: loadOfDays(),
  runs: { items: [runOf('archive', now - 6 * hourMs)] },
  status: statusOf(),
  keys: { items: [keyOf('k1')] },
  rotations: { items: [] },
};

/** What the exporter answers by path; a number is the status of a failure. */
let answers: Record<string, unknown>;
let asked: BackendSrvRequest[];

function fetch(request: BackendSrvRequest): Observable<unknown> {
  asked.push(request);
  const path = request.url.replace(/^api\/plugin-proxy\/lowtide-backups-app\/api\/v1\//, '');
  const answer = answers[path];
  return typeof answer === 'number'
    ? throwError(() => ({ status: answer, data: '', config: request }))
    : of({ data: answer, status: 200 });
}

const rangeOf = (from: number, to: number, raw: TimeRange['raw']): TimeRange => ({
  from: dateTime(from),
  to: dateTime(to),
  raw,
});
const lastDay = (): TimeRange => rangeOf(now - dayMs, now, { from: 'now-24h', to: 'now' });

function propsOf<T>(options: T, change: Partial<PanelProps<T>> = {}): PanelProps<T> {
  const timeRange = lastDay();
  return {
    id: 1,
    title: '',
    options,
    timeRange,
    timeZone: 'Europe/Madrid',
    width: 900,
    height: 400,
    transparent: false,
    renderCounter: 0,
    data: { state: LoadingState.Done, series: [], timeRange },
    fieldConfig: { defaults: {}, overrides: [] },
    eventBus: {} as never,
    onOptionsChange: () => undefined,
    onFieldConfigChange: () => undefined,
    replaceVariables: (text) => text,
    onChangeTimeRange: () => undefined,
    ...change,
  };
}

const passes = async (ms = 0): Promise<void> => {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
};
const lanes = (): string => screen.getByRole('application').textContent;

beforeAll(() => {
  setBackendSrv({ fetch } as never);
  // jsdom lays nothing out.
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(900);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(400);
  const context = { measureText: (text: string) => ({ width: 6 * text.length }) };
  HTMLCanvasElement.prototype.getContext = () => context as never;
});
beforeEach(() => {
  vi.useFakeTimers({ now });
  answers = { ...well };
  asked = [];
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the schedule panel', () => {
  const shown = async (
    options: Partial<ScheduleOptions> = {},
    change: Partial<PanelProps<ScheduleOptions>> = {},
  ): Promise<(next?: Partial<PanelProps<ScheduleOptions>>) => Promise<void>> => {
    const props = propsOf({ ...defaultOptions, ...options }, change);
    const { rerender } = render(<SchedulePanel {...props} />);
    await passes();
    return async (next = {}) => {
      rerender(<SchedulePanel {...props} {...next} />);
      await passes();
    };
  };
  const queryOf = (path: string): unknown => asked.find(({ url }) => url.endsWith(`/${path}`))?.params;

  it('shows what was and what is to come, as the time of the dashboard says', async () => {
    await shown();
    expect(lanes()).toMatch(/archive.*db-prod.*01:00/);
    expect(queryOf('plan')).toEqual({ hours: 48 });
    expect(queryOf('load')).toEqual({ hours: 24 });
  });

  it('follows the time of the dashboard and its refreshes, and keeps what it shows meanwhile', async () => {
    const show = await shown();
    const before = asked.length;
    await show({ timeRange: lastDay() });
    expect(asked.length).toBeGreaterThan(before);
    const days = rangeOf(now - 3 * dayMs, now - dayMs, { from: 'now-3d', to: 'now-1d' });
    answers = { ...well, schedules: 502 };
    await show({ timeRange: days });
    expect(lanes()).toContain('db-prod');
    expect(asked.at(-1)?.params ?? {}).not.toHaveProperty('cursor');
    expect(screen.getByText(/What is shown came/)).toBeTruthy();
  });

  it('shows only the schedules that are named, with the variables of the dashboard filled in', async () => {
    const replaceVariables = (text: string): string => text.replace('$schedule', 'db-prod,nothing');
    await shown({ schedules: '$schedule' }, { replaceVariables });
    expect(lanes()).toContain('db-prod');
    expect(lanes()).not.toContain('archive');
  });

  it('asks the hosts that are named, with the variables of the dashboard filled in, and tells them apart', async () => {
    const ofHost = (host: string): object => ({ ...scheduleOf('archive'), host });
    answers = { ...well, schedules: { items: [ofHost('db1'), ofHost('db2')] } };
    const replaceVariables = (text: string): string => text.replace('$host', '.+');
    await shown({ hosts: '$host' }, { replaceVariables });
    expect(queryOf('schedules')).toMatchObject({ host: '*' });
    expect(lanes()).toMatch(/archive \(db1\).*archive \(db2\)/);
    expect(queryOf('load')).toBeUndefined();
  });

  it('names what the plan has no room for', async () => {
    const problem = { schedule: 'archive', dueAt: iso(now), reason: { code: 'no_room', text: 'no room' } };
    answers = { ...well, plan: { from: iso(now), until: iso(now), slots: [], problems: [problem] } };
    await shown();
    expect(screen.getByText(/no time.*: archive\./)).toBeTruthy();
  });

  it('names what will be missed at a start that the plan has, and not what is only late', async () => {
    const common = { dueAt: iso(now), start: iso(now), reason: { code: 'busy', text: 'busy' } };
    const problems = [
      { ...common, schedule: 'archive' },
      { ...common, schedule: 'db-prod', lateSeconds: 60, reason: { code: 'late', text: 'late' } },
    ];
    answers = { ...well, plan: { from: iso(now), until: iso(now), slots: [], problems } };
    await shown();
    expect(screen.getByText(/will be missed.*: archive\./)).toBeTruthy();
    expect(screen.queryByText(/no time/)).toBeNull();
  });

  it('says of a schedule that backups of it will be missed where others are planned, or the one before goes on', async () => {
    const missed = (schedule: string, code: string): object => ({
      ...{ schedule, dueAt: iso(now), reason: { code, text: code } },
    });
    const slots = [slotOf('db-prod', now + 12 * hourMs)];
    const problems = [missed('db-prod', 'no_room'), missed('archive', 'still_running')];
    answers = { ...well, plan: { from: iso(now), until: iso(now), slots, problems } };
    await shown();
    expect(screen.getByText(/^2 schedules have backups that will be missed/).textContent).toMatch(
      /: db-prod,? and archive\.$/,
    );
    expect(screen.queryByText(/no time/)).toBeNull();
  });

  it('says so where nothing is to be shown', async () => {
    await shown({ schedules: 'nothing' });
    expect(screen.getByText('There are no schedules to show.')).toBeTruthy();
  });

  it.each([
    [502, 'Lowtide cannot be reached.'],
    [504, 'Lowtide did not answer in time.'],
    [403, 'Grafana does not let you do this: it takes a higher role.'],
    [0, 'Grafana does not answer.'],
  ])('tells what is wrong (%i), and tries again', async (status, message) => {
    answers = { ...well, load: status };
    await shown();
    expect(screen.getByText(message)).toBeTruthy();
    answers = { ...well };
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    await passes();
    expect(lanes()).toContain('db-prod');
  });

  it('does not throw at what it cannot understand', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue();
    answers = {
      ...well,
      schedules: { items: [{ ...scheduleOf('a'), window: { start: 'x', end: 'y' }, timezone: 'Moon' }] },
    };
    await shown();
    expect(screen.getByText('This panel met a fault of its own.')).toBeTruthy();
    error.mockRestore();
  });
});

describe('the rotation panel', () => {
  const options: RotationOptions = { isCensusShown: true, host: '' };

  it('shows the keys, and what depends on them where that is wanted', async () => {
    const { rerender } = render(<RotationPanel {...propsOf(options)} />);
    await passes();
    expect(screen.getAllByText('10 days')).toHaveLength(2);
    expect(screen.getByRole('rowheader', { name: 'k1' })).toBeTruthy();
    rerender(<RotationPanel {...propsOf<RotationOptions>({ isCensusShown: false, host: '' })} />);
    expect(screen.queryByRole('rowheader')).toBeNull();
    expect(screen.getAllByText('10 days')).toHaveLength(1);
  });

  it('keeps them, and rotates nothing, while the exporter does not answer', async () => {
    render(<RotationPanel {...propsOf(options)} />);
    await passes();
    answers = { ...well, status: 502 };
    await passes(60_000);
    expect(screen.getByText('k1')).toBeTruthy();
    expect(screen.getByText('The exporter does not answer.')).toBeTruthy();
  });

  it('shows how the rotations of another host went, and asks nothing of its keys', async () => {
    answers = { ...well, rotations: { items: [rotationOf({ status: 'completed', keyId: 'k7' })] } };
    const replaceVariables = (text: string): string => text.replace('$host', 'db2');
    render(
      <RotationPanel {...propsOf<RotationOptions>({ ...options, host: '$host' }, { replaceVariables })} />,
    );
    await passes();
    expect(screen.getByRole('cell', { name: 'k7' })).toBeTruthy();
    expect(asked.find(({ url }) => url.endsWith('/rotations'))?.params).toMatchObject({ host: 'db2' });
    expect(asked.some(({ url }) => url.endsWith('/keys'))).toBe(false);
    expect(screen.queryByRole('button', { name: 'Rotate keys…' })).toBeNull();
  });

  it('rotates the keys of the host that answers, also where it is named', async () => {
    render(<RotationPanel {...propsOf<RotationOptions>({ ...options, host: 'db-host-1' })} />);
    await passes();
    expect(screen.getByRole('button', { name: 'Rotate keys…' })).toBeTruthy();
  });

  it('tells what is wrong before anything is known', async () => {
    answers = { ...well, keys: 404 };
    render(<RotationPanel {...propsOf(options)} />);
    await passes();
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
  });
});
