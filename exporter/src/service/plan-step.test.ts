import { expect, it } from 'vitest';
import { atStep } from './plan-step.ts';

it.each([
  ['12:00:00.000', '12:00:00.000'],
  ['12:00:00.001', '12:00:00.000'],
  ['12:05:30.000', '12:05:00.000'],
  ['12:05:30.001', '12:05:30.001'],
  ['12:09:59.999', '12:09:59.999'],
])('takes %s for %s', (at, step) => {
  const instant = (time: string): number => Date.parse(`2026-03-02T${time}Z`);
  expect(atStep(instant(at))).toBe(instant(step));
});
