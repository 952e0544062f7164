import { describe, expect, it } from 'vitest';
import type { Run } from '../catalog/catalog.ts';
import type { Rotation } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { failureView, rotationView, runView } from './views.ts';

const noon = Date.UTC(2026, 10, 24, 12);
const unforeseen = { code: 'internal', message: 'password=hunter2 is not a function', hint: 'hunter2' };
const none = { backups: 0, bytes: 0 };

const run = {
  id: 'r1',
  schedule: 'docs',
  type: 'files',
  trigger: 'api',
  status: 'failed',
  startedAt: noon,
  finishedAt: noon + 1,
  pausedSeconds: 0,
  warnings: [],
  error: unforeseen,
  objectPrefix: 'docs/r1',
  stores: ['local'],
} satisfies Run;
const rotation: Rotation = {
  id: 'o1',
  mode: 'rewrap',
  trigger: 'api',
  startedAt: noon,
  finishedAt: noon + 1,
  status: 'failed',
  cancelRequested: false,
  error: unforeseen,
  pending: none,
  done: none,
  skipped: none,
  failed: none,
};

describe('what the API tells of failures', () => {
  it.each([
    ['a run', runView(run, undefined, undefined)],
    ['a rotation', rotationView(rotation, noon, {})],
    ['work', { error: failureView(new LowtideError('internal', unforeseen.message, unforeseen)) }],
  ])('of %s that nobody has foreseen is that the log has it', (_, { error }) => {
    expect(error).toEqual({
      code: 'internal',
      message: 'something went wrong here; the log has the details',
    });
  });

  it('of others are their own words', () => {
    const error = { code: 'store_full', message: 'no room in local', hint: 'Free some.' };
    expect(runView({ ...run, error }, undefined, undefined).error).toEqual(error);
    expect(rotationView({ ...rotation, error }, noon, {}).error).toEqual(error);
    expect(failureView(new LowtideError('store_full', error.message, { hint: error.hint }))).toEqual(error);
  });
});
