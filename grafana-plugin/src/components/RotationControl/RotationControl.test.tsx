import { act, fireEvent, render, screen } from '@testing-library/react';
import type { RotationPlan } from 'lowtide/api';
import type { Rotation } from '../../api/answers.ts';
import React from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Exporter } from '../../api/client.ts';
import { failureOf, RequestError } from '../../api/failure.ts';
import type { RotationRequest } from '../../rotation/request.ts';
import { keyOf, none, plan, rotationOf, statusOf } from '../../rotation/rotation.testdata.ts';
import { useWords } from '../../words/useWords.ts';
import { RotationControl, type RotationControlProps } from './RotationControl.tsx';

type Answer = Rotation | RotationPlan | { readonly status: number; readonly data?: unknown };

/** Answers in turn, then with the last again. */
class Answering implements Pick<Exporter, 'rotation'> {
  readonly asked: RotationRequest[] = [];
  answers: Answer[] = [];

  rotation = (request: RotationRequest): Promise<Rotation | RotationPlan> => {
    this.asked.push(request);
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer === undefined) return new Promise(() => undefined);
    return 'id' in answer || 'dryRun' in answer
      ? Promise.resolve(answer)
      : Promise.reject(new RequestError(failureOf(answer)));
  };

  get posts(): string[] {
    return this.asked.filter(({ method }) => method === 'POST').map(({ path }) => path);
  }
}

let exporter: Answering;
const onEnded = vi.fn();

function Control(change: Partial<RotationControlProps> = {}): React.JSX.Element {
  const words = useWords('utc');
  return (
    <RotationControl
      exporter={exporter}
      answers={{ status: statusOf(), keys: [keyOf('k1')], rotations: [] }}
      isReachable
      grafanaRole="Editor"
      words={words}
      isCensusShown
      onEnded={onEnded}
      {...change}
    />
  );
}

const passes = async (ms = 0): Promise<void> =>
  await act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
const press = async (name: string | RegExp): Promise<void> => {
  fireEvent.click(screen.getByRole('button', { name }));
  await passes();
};
const type = (text: string): boolean =>
  fireEvent.change(screen.getByLabelText('Type db-host-1 to confirm.'), { target: { value: text } });
const answersOf = (latest: Rotation) => ({ status: statusOf(), keys: [], rotations: [latest] });

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  exporter = new Answering();
  onEnded.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the rotation of keys', () => {
  it('goes from dry run over what has to be typed to the result', async () => {
    exporter.answers = [
      plan,
      rotationOf(),
      rotationOf({ progress: { bytes: 1000, ratio: 1 / 3, bytesPerSecond: 500, etaSeconds: 4 } }),
    ];
    render(<Control />);
    await press('Rotate keys…');
    await press('Dry run');
    expect(screen.getByText('3 backups in local, 2.93 KiB')).toBeTruthy();
    await press('Rotate…');
    type('db-host');
    await press(/Start the rotation/);
    expect(exporter.posts).toEqual(['rotations']);
    type('db-host-1');
    await press('Start the rotation');
    expect(exporter.asked.map(({ body }) => body?.dryRun)).toEqual([true, false, undefined]);
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('33');
    expect(screen.getByText('500 B/s')).toBeTruthy();
    expect(screen.getByText(/^[34] sec left$/)).toBeTruthy();

    exporter.answers = [
      rotationOf({ status: 'completed', pending: none, done: { backups: 3, bytes: 3000 } }),
    ];
    await passes(1000);
    expect(screen.getByText('The keys are rotated.')).toBeTruthy();
    expect(onEnded).toHaveBeenCalledTimes(1);
    await press('Close');
    expect(screen.getByRole('button', { name: 'Rotate keys…' })).toBeTruthy();
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('forgets a plan once something else is wanted', async () => {
    exporter.answers = [plan];
    render(<Control />);
    await press('Rotate keys…');
    await press('Dry run');
    fireEvent.click(screen.getByRole('radio', { name: 'Encrypt anew' }));
    expect(screen.queryByText('3 backups in local, 2.93 KiB')).toBeNull();
    await press('Dry run');
    expect(exporter.asked.at(-1)?.body).toEqual({ mode: 'reencrypt', dryRun: true });
  });

  it('does not begin what the exporter would refuse', async () => {
    const obstacles = [{ code: 'key_lost', message: 'the identity of k0 is lost', hint: 'Import it.' }];
    exporter.answers = [{ ...plan, obstacles }];
    render(<Control />);
    await press('Rotate keys…');
    await press('Dry run');
    expect(screen.getByText('Import it.')).toBeTruthy();
    await press('Rotate…');
    expect(screen.queryByLabelText('Type db-host-1 to confirm.')).toBeNull();
  });

  it('begins with what the policy does', async () => {
    const rotation = { mode: 'reencrypt', daysBack: 30, atLowTide: true } as const;
    render(<Control answers={{ status: statusOf({ encryption: { rotation } }), keys: [], rotations: [] }} />);
    await press('Rotate keys…');
    await press('Dry run');
    expect(exporter.asked[0]?.body).toEqual({ ...rotation, dryRun: true });
  });
});

describe('when the exporter is killed in the middle', () => {
  it('keeps what is known, says so, and offers to resume what the crash has cut off', async () => {
    exporter.answers = [rotationOf()];
    render(<Control answers={answersOf(rotationOf())} />);
    await passes();
    exporter.answers = [{ status: 502 }];
    await passes(1000);
    expect(screen.getByRole('progressbar')).toBeTruthy();
    expect(screen.getByText(/has not answered for/)).toBeTruthy();

    exporter.answers = [rotationOf({ status: 'interrupted' })];
    await passes(10_000);
    expect(screen.getByText(/was interrupted/)).toBeTruthy();
    exporter.answers = [rotationOf(), rotationOf({ status: 'completed', pending: none })];
    await press('Resume');
    expect(exporter.posts).toEqual(['rotations/r1/resume']);
    await passes(1000);
    expect(screen.getByText('The keys are rotated.')).toBeTruthy();
  });

  it('asks for a start without an answer again under the same key, at growing distances', async () => {
    exporter.answers = [plan, { status: 504 }];
    render(<Control />);
    await press('Rotate keys…');
    await press('Dry run');
    await press('Rotate…');
    type('db-host-1');
    await press('Start the rotation');
    await passes(7000);
    const starts = exporter.asked.slice(1);
    expect(starts.length).toBe(3);
    expect(new Set(starts.map(({ key }) => key)).size).toBe(1);
    expect(screen.getByText('No answer yet')).toBeTruthy();
  });

  it('does not show again what was closed', async () => {
    const interrupted = rotationOf({ status: 'interrupted' });
    const { rerender } = render(<Control answers={answersOf(interrupted)} />);
    await press('Close');
    rerender(<Control answers={answersOf({ ...interrupted })} />);
    await passes();
    expect(screen.getByRole('button', { name: 'Rotate keys…' })).toBeTruthy();
  });
});

describe('who may not', () => {
  it.each([
    {
      title: 'is a viewer in Grafana',
      change: { grafanaRole: 'Viewer' },
      reason: 'Your role in Grafana is Viewer; this needs Editor.',
    },
    { title: 'sees old figures', change: { isReachable: false }, reason: 'The exporter does not answer.' },
  ])('$title, and is told so, and asks nothing', async ({ change, reason }) => {
    render(<Control {...change} />);
    const button = screen.getByRole('button', { name: 'Rotate keys…' });
    expect(screen.getByText(reason)).toBeTruthy();
    expect(button.getAttribute('aria-disabled')).toBe('true');
    fireEvent.click(button);
    await passes();
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(exporter.asked).toEqual([]);
  });

  it('sees what the exporter said no with, and the hint', async () => {
    const problem = {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'another rotation goes on',
      code: 'rotation_active',
      hint: 'Wait for it to end.',
    };
    exporter.answers = [{ status: 409, data: problem }];
    render(<Control />);
    await press('Rotate keys…');
    await press('Dry run');
    expect(screen.getByText('another rotation goes on')).toBeTruthy();
    expect(screen.getByText(/Wait for it to end\./)).toBeTruthy();
  });
});

describe('the keys', () => {
  it('are told with their age against the policy, and with what depends on them', () => {
    const created = new Date(Date.now() - 41 * 86_400_000).toISOString();
    const keys = [keyOf('k1', { createdAt: created, backups: 182, bytes: 3 * 2 ** 40 })];
    const status = statusOf({ encryption: { maxKeyAgeSeconds: 60 * 86_400 } });
    render(<Control answers={{ status, keys, rotations: [] }} />);
    const meter = screen.getByRole('meter');
    expect([meter.getAttribute('aria-valuenow'), meter.getAttribute('aria-valuetext')]).toEqual([
      '68',
      'of 60 days by policy',
    ]);
    expect(screen.getByRole('row', { name: /k1 active 41 days 182 3 TiB/ })).toBeTruthy();
  });
});
