import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newRun, noon, runEnd } from '../../../test/conformance/catalog-samples.ts';
import type { Catalog, RunStatus } from '../catalog/catalog.ts';
import { openSqliteCatalog } from '../catalog/sqlite.ts';
import { whyAbsent } from './why-absent.ts';

const minute = 60_000;
const hour = 60 * minute;
/** Could have begun in half an hour from then on. */
const missed = { schedule: 'db-prod', dueAt: noon, opensAt: noon, lastLook: noon + 30 * minute };
/** When the service began anew, and when it looks. */
const restart = noon + 2 * hour;

let folder: string;
let catalog: Catalog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-why-'));
  catalog = openSqliteCatalog(folder);
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Past {
  readonly dueAt: number;
  readonly from: number;
  readonly until: number;
  readonly status?: Exclude<RunStatus, 'running'>;
}

async function ran({ dueAt, from, until, status = 'failed' }: Past): Promise<void> {
  const run = newRun(`run-${from}`, { dueAt, startedAt: from });
  await catalog.startRun(run);
  await catalog.finishRun(run.id, runEnd(run, { status, finishedAt: until }));
}

const why = (): Promise<string> => whyAbsent(catalog, restart)(missed, restart + minute);

describe('what was missed, and not seen to wait', () => {
  it('was missed since nobody was there', async () => {
    expect(await why()).toBe('absent');
    await ran({ dueAt: noon - hour, from: noon - hour, until: noon });
    expect(await why()).toBe('absent');
  });

  it('was begun, and cut off', async () => {
    await ran({ dueAt: noon, from: noon + minute, until: noon + 40 * minute, status: 'interrupted' });
    expect(await why()).toBe('interrupted');
  });

  it('had the run before in its way all the time, or until nobody was there', async () => {
    const status = 'interrupted';
    await ran({ dueAt: noon - hour, from: noon - hour, until: noon + 20 * minute, status });
    expect(await why()).toBe('absent_after_still_running');
    await ran({ dueAt: noon - hour, from: noon - 30 * minute, until: noon + 31 * minute, status });
    expect(await why()).toBe('still_running');
  });

  it('may have had more than the run before in its way, which was killed nobody knows when', async () => {
    await ran({ dueAt: noon - hour, from: noon - hour, until: restart, status: 'interrupted' });
    expect(await why()).toBe('absent_after_still_running');
    await ran({ dueAt: noon - hour, from: noon - 30 * minute, until: restart });
    expect(await why()).toBe('still_running');
  });

  it('waited for something behind the run before', async () => {
    await ran({ dueAt: noon - hour, from: noon - hour, until: noon + 10 * minute });
    const deferred = { name: 'run:deferred', schedule: 'db-prod', reason: 'cpu' } as const;
    await catalog.append(deferred, noon - minute);
    await catalog.append({ ...deferred, schedule: 'other', reason: 'disk' }, noon + 11 * minute);
    expect(await why()).toBe('absent_after_still_running');
    await catalog.append(deferred, noon + 10 * minute);
    expect(await why()).toBe('absent_after_cpu');
  });
});
