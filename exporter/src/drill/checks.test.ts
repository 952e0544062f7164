import { describe, expect, it } from 'vitest';
import { checkTimes, judgeRows } from './checks.ts';

const counted = new Map([
  ['public.orders', 10],
  ['sales.orders', 3],
  ['tides', 0],
]);

describe('the rows that are wanted', () => {
  it.each<[Record<string, number>, string | undefined]>([
    [{ orders: 10, 'sales.orders': 3, tides: 0 }, undefined],
    [{ orders: 11 }, 'orders has 10 rows, and should have 11 at least.'],
    [
      { 'sales.orders': 4, clerks: 0 },
      'sales.orders has 3 rows, and should have 4 at least; there is no table clerks.',
    ],
  ])('%o', (least, message) => {
    const check = judgeRows(least, counted);
    expect(check.status).toBe(message === undefined ? 'passed' : 'failed');
    if (message !== undefined) expect(check.message).toBe(message);
  });
});

describe('the times that are allowed', () => {
  const measured = { restoreSeconds: 60, dataAgeSeconds: 3600.5 };

  it('are judged where they are given', () => {
    expect(checkTimes({}, measured)).toEqual([]);
    expect(checkTimes({ max_restore_time: 60_000, max_data_age: 3_600_000 }, measured)).toEqual([
      { name: 'max_restore_time', status: 'passed', message: 'The time to restore was 1m, and may be 1m.' },
      { name: 'max_data_age', status: 'failed', message: 'The age of the data was 1h1s, and may be 1h.' },
    ]);
  });
});
