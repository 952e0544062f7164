import React from 'react';
import { act, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failureOf, RequestError } from './failure.ts';
import { usePolling } from './usePolling.ts';

let answers: (string | number)[] = [];
let asked = 0;
const ask = (): Promise<string> => {
  asked += 1;
  const answer = answers.shift() ?? 'nothing new';
  return typeof answer === 'string'
    ? Promise.resolve(answer)
    : Promise.reject(new RequestError(failureOf({ status: answer })));
};

function View(): React.JSX.Element {
  const { data, failure, refresh } = usePolling(ask, (last) => (last === 'soon' ? 1000 : 10_000));
  return (
    <button onClick={refresh}>
      {data ?? 'none'} / {failure?.kind ?? 'well'}
    </button>
  );
}

const passes = async (ms: number): Promise<void> =>
  await act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
const shown = (): string => screen.getByRole('button').textContent;
const look = (isLooking: boolean): void => {
  Object.defineProperty(document, 'hidden', { configurable: true, value: !isLooking });
  document.dispatchEvent(new Event('visibilitychange'));
};

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  asked = 0;
});
afterEach(() => {
  look(true);
  vi.useRealTimers();
});

describe('the poll of a view', () => {
  it('asks at once and then again after each interval, sooner where the answer says so', async () => {
    answers = ['first', 'soon', 'second'];
    render(<View />);
    await passes(0);
    expect(shown()).toBe('first / well');
    await passes(9999);
    expect(asked).toBe(1);
    await passes(1);
    expect(shown()).toBe('soon / well');
    await passes(1000);
    expect(shown()).toBe('second / well');
  });

  it('keeps the last answer through failures, asks less and less often, and recovers', async () => {
    answers = ['first', 502, 504, 'back'];
    render(<View />);
    await passes(10_000);
    expect(shown()).toBe('first / unreachable');
    await passes(19_999);
    expect(asked).toBe(2);
    await passes(1);
    expect(shown()).toBe('first / timeout');
    await passes(40_000);
    expect(shown()).toBe('back / well');
    await passes(10_000);
    expect(asked).toBe(5);
  });

  it('rests while nobody looks, and catches up when somebody does', async () => {
    render(<View />);
    await passes(0);
    look(false);
    await passes(600_000);
    expect(asked).toBe(1);
    look(true);
    await passes(0);
    expect(asked).toBe(2);
    look(false);
    look(true);
    await passes(9999);
    expect(asked).toBe(2);
  });

  it('asks once more, not twice, where it is refreshed while it asks', async () => {
    render(<View />);
    screen.getByRole('button').click();
    screen.getByRole('button').click();
    await passes(0);
    expect(asked).toBe(2);
  });

  it('is over with the view', async () => {
    const { unmount } = render(<View />);
    await passes(0);
    unmount();
    await passes(600_000);
    expect(asked).toBe(1);
  });
});
