import { describe, expect, it } from 'vitest';
import { countVitest } from './vitest.ts';

const file = (status: string, ...statuses: string[]): object => ({
  status,
  assertionResults: statuses.map((each) => ({ status: each })),
});
const report = (...testResults: object[]): string => JSON.stringify({ testResults });

describe('the count of a vitest run', () => {
  it.each([
    {
      title: 'adds up all files',
      text: report(file('passed', 'passed', 'passed', 'skipped'), file('passed', 'passed', 'todo')),
      exitCode: 0,
      count: { passed: 3, failed: 0, skipped: 2 },
    },
    {
      title: 'has failed tests once',
      text: report(file('failed', 'passed', 'failed', 'failed')),
      exitCode: 1,
      count: { passed: 1, failed: 2, skipped: 0 },
    },
    {
      title: 'takes a file that could not be loaded for a failure',
      text: report(file('passed', 'passed'), file('failed')),
      exitCode: 1,
      count: { passed: 1, failed: 1, skipped: 0 },
    },
    {
      title: 'takes a set-up that failed, and so skipped its tests, for a failure',
      text: report(file('failed', 'skipped', 'skipped')),
      exitCode: 1,
      count: { passed: 0, failed: 1, skipped: 2 },
    },
    {
      title: 'takes an error outside of all tests for a failure',
      text: report(file('passed', 'passed')),
      exitCode: 1,
      count: { passed: 1, failed: 1, skipped: 0 },
    },
    {
      title: 'takes a crash without a report for a failure',
      text: undefined,
      exitCode: null,
      count: { passed: 0, failed: 1, skipped: 0 },
    },
    {
      title: 'takes a report that was cut off for a failure',
      text: '{"testResults":[{"sta',
      exitCode: 1,
      count: { passed: 0, failed: 1, skipped: 0 },
    },
    {
      title: 'takes a run without tests for a failure, whatever the exit code',
      text: report(),
      exitCode: 0,
      count: { passed: 0, failed: 1, skipped: 0 },
    },
  ])('$title', ({ text, exitCode, count }) => {
    expect(countVitest(text, exitCode)).toEqual(count);
  });
});
