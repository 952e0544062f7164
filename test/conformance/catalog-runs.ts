import { describe, expect, it } from 'vitest';
import type { Catalog, NewCopy } from '../../exporter/src/catalog/catalog.ts';
import { refuses, snapshot, type Given } from './catalog-given.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';

export function catalogRuns(given: Given): void {
  describe('runs', () => {
    it('records a run and gives back every field, dueAt included or absent', async () => {
      const fresh = { status: 'running', warnings: [], pausedSeconds: 0 };
      const due = newRun('r1', { dueAt: noon - 5 });
      expect(await given.catalog.startRun(due)).toEqual({ ...due, ...fresh });
      const byHand = newRun('r2', { schedule: 'files', type: 'files', trigger: 'manual', stores: [] });
      await given.catalog.startRun(byHand);
      expect(await given.catalog.run('r2')).toEqual({ ...byHand, ...fresh });
      expect(await given.catalog.run('r2')).not.toHaveProperty('dueAt');
      expect(await given.catalog.run('nobody')).toBeUndefined();
    });

    it('files the backup, its copies and the event together with the end of the run', async () => {
      const run = await given.catalog.startRun(newRun('r1'));
      const manifest = newManifest('b1');
      const copies: NewCopy[] = [
        { store: 'offsite', path: 's3://bucket/b1', status: 'failed', error: 'no route to host' },
        { store: 'local', path: '/backups/b1', status: 'good' },
      ];
      const end = runEnd(run, { warnings: ['one table was empty'], backup: { manifest, copies } });
      const ended = await given.catalog.finishRun('r1', end);
      expect(ended).toMatchObject({
        status: 'completed',
        backupId: 'b1',
        sizeBytes: 9000,
        storedBytes: 7144,
      });
      expect(ended.warnings).toEqual(['one table was empty']);
      expect(await given.catalog.run('r1')).toEqual(ended);
      expect(await given.catalog.backup('b1')).toEqual({
        id: 'b1',
        schedule: 'db-prod',
        type: 'database',
        status: 'completed',
        createdAt: noon,
        sizeBytes: 9000,
        storedBytes: 7144,
        keyId: manifest.keyId,
        manifest,
        copies,
      });
      expect((await given.catalog.eventsAfter(0, 10)).map((event) => event.body)).toEqual([
        { name: 'run:started', runId: 'r1', schedule: 'db-prod' },
        end.event,
      ]);
    });

    it('keeps the error of a failed run, with and without a hint', async () => {
      const run = await given.catalog.startRun(newRun('r1'));
      const error = { code: 'source_unreachable', message: 'no answer', hint: 'Is it up?' };
      expect((await given.catalog.finishRun('r1', runEnd(run, { status: 'failed', error }))).error).toEqual(
        error,
      );
      expect(await given.catalog.backups({ limit: 5 })).toEqual([]);
    });

    it('refuses a second live run of a schedule, and lets another schedule run', async () => {
      await given.catalog.startRun(newRun('r1'));
      await refuses('run_active', () => given.catalog.startRun(newRun('r2')));
      expect(await given.catalog.run('r2')).toBeUndefined();
      expect(await given.catalog.eventsAfter(0, 10)).toHaveLength(1);
      await given.catalog.startRun(newRun('r3', { schedule: 'files' }));
      await given.catalog.finishRun('r1', runEnd(newRun('r1'), { status: 'cancelled' }));
      await given.catalog.startRun(newRun('r4'));
    });

    it('refuses a second live run of a schedule that another owner runs', async () => {
      await using other = await given.open();
      await given.catalog.startRun(newRun('r1'));
      await refuses('run_active', () => other.startRun(newRun('r2')));
      await refuses('run_active', () => other.finishRun('r1', runEnd(newRun('r1'))));
      expect(await other.orphanedRuns(new Set())).toEqual([]);
    });

    it('names the runs of an owner that is gone, which block nobody and can be ended by anybody', async () => {
      const other = await given.open();
      const lost = await other.startRun(newRun('lost'));
      const kept = await given.catalog.startRun(newRun('kept', { schedule: 'files' }));
      await other[Symbol.asyncDispose]();
      expect(await given.catalog.orphanedRuns(new Set(['kept']))).toEqual([lost]);
      const next = await given.catalog.startRun(newRun('next'));
      const interrupted = await given.catalog.finishRun('lost', runEnd(lost, { status: 'interrupted' }));
      expect(interrupted.status).toBe('interrupted');
      expect(await given.catalog.orphanedRuns(new Set(['kept', 'next']))).toEqual([]);
      expect(await given.catalog.runs({ status: 'running', limit: 5 })).toEqual([next, kept]);
    });

    it.each(['completed', 'failed', 'cancelled', 'interrupted'] as const)(
      'refuses to end a run again that has ended as %s, and files nothing of it',
      async (status) => {
        const run = await given.catalog.startRun(newRun('r1'));
        const first = await given.catalog.finishRun('r1', runEnd(run, { status }));
        const events = await given.catalog.eventsAfter(0, 10);
        await refuses('run_ended', () =>
          given.catalog.finishRun('r1', runEnd(run, { manifest: newManifest('b1') })),
        );
        expect(await given.catalog.run('r1')).toEqual(first);
        expect(await given.catalog.backup('b1')).toBeUndefined();
        expect(await given.catalog.eventsAfter(0, 10)).toEqual(events);
      },
    );

    it('files nothing at all where the last part of it cannot be recorded', async () => {
      const run = await given.catalog.startRun(newRun('r1'));
      const before = await snapshot(given.catalog);
      const end = { ...runEnd(run, { manifest: newManifest('b1') }), finishedAt: NaN };
      await refuses('internal', () => given.catalog.finishRun('r1', end));
      expect(await snapshot(given.catalog)).toEqual(before);
      await given.catalog.finishRun('r1', runEnd(run, { manifest: newManifest('b1') }));
    });

    it('refuses to end a run that never began, and to begin one twice', async () => {
      await refuses('not_found', () => given.catalog.finishRun('nobody', runEnd(newRun('nobody'))));
      const run = await given.catalog.startRun(newRun('r1'));
      await given.catalog.finishRun('r1', runEnd(run));
      await refuses('internal', () => given.catalog.startRun(newRun('r1')));
    });

    it('lists runs by schedule and status, the last begun first even when the clock went back', async () => {
      for (const [index, status] of (['completed', 'failed', 'completed', 'failed'] as const).entries()) {
        const run = newRun(`r${index}`, {
          schedule: index < 3 ? 'db-prod' : 'files',
          startedAt: noon - index * 1000,
          ...(index > 0 && { dueAt: noon + (index % 2) }),
        });
        await given.catalog.startRun(run);
        await given.catalog.finishRun(run.id, runEnd(run, { status }));
      }
      const ids = async (filter: Partial<Parameters<Catalog['runs']>[0]>): Promise<string[]> =>
        (await given.catalog.runs({ limit: 10, ...filter })).map((run) => run.id);
      expect(await ids({})).toEqual(['r3', 'r2', 'r1', 'r0']);
      expect(await ids({ schedule: 'db-prod' })).toEqual(['r2', 'r1', 'r0']);
      expect(await ids({ status: 'failed' })).toEqual(['r3', 'r1']);
      expect(await ids({ schedule: 'db-prod', status: 'completed' })).toEqual(['r2', 'r0']);
      expect(await ids({ dueAt: noon + 1 })).toEqual(['r3', 'r1']);
      expect(await ids({ schedule: 'db-prod', dueAt: noon + 1 })).toEqual(['r1']);
      expect(await ids({ schedule: 'nobody' })).toEqual([]);
      expect(await ids({ limit: 2 })).toEqual(['r3', 'r2']);
      expect(await ids({ limit: 0 })).toEqual([]);
      expect(await ids({ limit: 2, after: 'r2' })).toEqual(['r1', 'r0']);
      expect(await ids({ schedule: 'db-prod', after: 'r3' })).toEqual(['r2', 'r1', 'r0']);
      await refuses('not_found', () => ids({ after: 'nobody' }));
      await refuses('usage', () => ids({ limit: -1 }));
    });

    it('settles the occurrence a run is begun for, however it ends, and nothing for one asked for by hand', async () => {
      expect((await given.catalog.schedule('db-prod')).settledUntil).toBeUndefined();
      const begin = async (id: string, dueAt?: number): Promise<void> => {
        const run = newRun(id, dueAt === undefined ? {} : { dueAt });
        await given.catalog.startRun(run);
        await given.catalog.finishRun(id, runEnd(run, { status: 'failed' }));
      };
      await begin('r1', noon);
      await begin('r2', noon + 1000);
      await begin('r3');
      expect((await given.catalog.schedule('db-prod')).settledUntil).toBe(noon + 1000);
      expect((await given.catalog.schedule('files')).settledUntil).toBeUndefined();
    });

    it('settles what was missed with one event, and offers an occurrence again when told to', async () => {
      await given.catalog.recordMissed('db-prod', { dueAt: noon, occurrences: 3 }, noon + 5000);
      expect(await given.catalog.schedule('db-prod')).toEqual({
        paused: false,
        settledUntil: noon,
        lastMissed: { dueAt: noon, at: noon + 5000 },
      });
      expect(await given.catalog.eventsAfter(0, 10)).toMatchObject([
        { at: noon + 5000, body: { name: 'run:missed', schedule: 'db-prod', dueAt: noon, occurrences: 3 } },
      ]);
      await given.catalog.settle('db-prod', noon - 1);
      expect((await given.catalog.schedule('db-prod')).settledUntil).toBe(noon - 1);
    });

    it('keeps why the last one was missed, as far as it is known', async () => {
      const missed = { dueAt: noon, occurrences: 1, reason: 'disk_pressure' };
      await given.catalog.recordMissed('db-prod', missed, noon + 5000);
      const { dueAt, reason } = missed;
      expect((await given.catalog.schedule('db-prod')).lastMissed).toEqual({
        dueAt,
        at: noon + 5000,
        reason,
      });
      expect((await given.catalog.eventsAfter(0, 10)).map(({ body }) => body)).toEqual([
        { name: 'run:missed', schedule: 'db-prod', ...missed },
      ]);
      await given.catalog.recordMissed('db-prod', { dueAt: noon + 1000, occurrences: 2 }, noon + 9000);
      expect((await given.catalog.schedule('db-prod')).lastMissed).toEqual({
        dueAt: noon + 1000,
        at: noon + 9000,
      });
    });

    it('keeps how long a run was stopped for a busy host', async () => {
      const run = await given.catalog.startRun(newRun('r1'));
      expect(run.pausedSeconds).toBe(0);
      await given.catalog.finishRun('r1', runEnd(run, { status: 'failed', pausedSeconds: 12.5 }));
      expect((await given.catalog.run('r1'))?.pausedSeconds).toBe(12.5);
      await given.catalog.finishRun(
        'r2',
        runEnd(await given.catalog.startRun(newRun('r2')), { status: 'failed' }),
      );
      expect((await given.catalog.run('r2'))?.pausedSeconds).toBe(0);
    });

    it('names its own runs as orphaned only where nobody works on them any more', async () => {
      await given.catalog.startRun(newRun('r1'));
      await given.catalog.startRun(newRun('r2', { schedule: 'files' }));
      expect(await given.catalog.orphanedRuns(new Set(['r1', 'r2']))).toEqual([]);
      expect((await given.catalog.orphanedRuns(new Set(['r1']))).map((run) => run.id)).toEqual(['r2']);
    });
  });
}
