import { describe, expect, it } from 'vitest';
import type { ScheduleProof } from '../catalog/catalog.ts';
import type { Drill, LatestDrills } from '../catalog/drills.ts';
import type { WatchedSchedule } from './facts.ts';
import { checkRestoreProof } from './restore-proof.ts';

const noon = Date.UTC(2026, 10, 24, 12);
const hour = 3_600_000;
const day = 24 * hour;

const schedule = (id: string, intervalSeconds = 86_400): WatchedSchedule => ({
  id,
  type: 'files',
  intervalSeconds,
  maxDelayMs: hour,
});
const proof = (id: string, more: Partial<ScheduleProof> = {}): ScheduleProof => ({
  schedule: id,
  since: noon - 90 * day,
  newest: { id: `${id}-newest`, goodCopies: 1 },
  ...more,
});

describe('the proof that backups can be restored', () => {
  it.each<[string, Partial<ScheduleProof>, boolean]>([
    ['verified after the last backup', { verifiedAt: noon - hour }, true],
    ['restored, and never verified', { restoredAt: noon - 2 * day }, true],
    ['verified a month ago', { verifiedAt: noon - 31 * day }, true],
    ['verified longer ago', { verifiedAt: noon - 31 * day - 1 }, false],
    ['restored since', { verifiedAt: noon - 60 * day, restoredAt: noon - day }, true],
    ['never proven since months', {}, false],
    ['never proven, as it is new', { since: noon - day }, true],
    ['never proven in its first day', { since: noon - day - 1 }, false],
    ['without a sound copy', { verifiedAt: noon, newest: { id: 'x', goodCopies: 0 } }, false],
  ])('of a schedule that was %s', (_, more, ok) => {
    const check = checkRestoreProof([proof('files', more)], [schedule('files')], {}, noon);
    expect(check).toMatchObject({ type: 'restore_proof', ok });
    expect(check.hint === undefined).toBe(ok);
  });

  it('holds for two backups where these are rare', () => {
    const yearly = schedule('files', 365 * 86_400);
    const at = (verifiedAt: number): boolean =>
      checkRestoreProof([proof('files', { verifiedAt })], [yearly], {}, noon).ok;
    expect([at(noon - 700 * day), at(noon - 731 * day)]).toEqual([true, false]);
  });

  it('names what is unproven, for how long, and what proves it', () => {
    const check = checkRestoreProof(
      [proof('db'), proof('files', { verifiedAt: noon - 40 * day }), proof('good', { verifiedAt: noon })],
      ['db', 'files', 'good'].map((id) => schedule(id)),
      {},
      noon,
    );
    expect(check.message).toBe(
      'db: none of its backups, made since 90d, was ever opened or restored. files: none of its backups was opened or restored for 40d.',
    );
    expect(check.hint).toContain('lowtide backups verify db-newest');
  });

  it('tells of the oldest proof and the last restore where all is well', () => {
    const schedules = ['db', 'files', 'new'].map((id) => schedule(id));
    const proofs = [
      proof('db', { verifiedAt: noon - 3 * day }),
      proof('files', { verifiedAt: noon, restoredAt: noon - 5 * hour }),
    ];
    expect(checkRestoreProof(proofs, schedules, {}, noon).message).toBe(
      'Backups of every schedule were opened and compared, at most 3d ago; the last restore was 5h ago.',
    );
    expect(checkRestoreProof([], schedules, {}, noon).message).toBe('There is nothing to prove yet.');
    // Of a schedule that was taken out of the config nobody wants to hear.
    expect(checkRestoreProof([proof('gone')], schedules, {}, noon).ok).toBe(true);
  });

  const drilled = (status: 'passed' | 'failed', at: number): Drill => ({
    id: 'd1',
    schedule: 'db',
    backupId: 'db-newest',
    trigger: 'schedule',
    status,
    startedAt: at - 1000,
    finishedAt: at,
    dataAgeSeconds: 60,
    scratch: { folder: '/var/tmp/x' },
    checks: [],
    warnings: [],
    ...(status === 'failed' && {
      error: { code: 'drill_failed', message: 'rows: there is no table orders.' },
    }),
  });

  it.each<[string, Drill[], number | undefined, string | undefined]>([
    ['passed a week ago', [drilled('passed', noon - 7 * day)], 7, undefined],
    ['passed two intervals ago', [drilled('passed', noon - 14 * day)], 7, undefined],
    [
      'passed longer ago',
      [drilled('passed', noon - 14 * day - hour)],
      7,
      'db: a restore drill is overdue, the last one was 14d1h ago.',
    ],
    ['never took place', [], 7, 'db: a restore drill is overdue, none was made since 90d.'],
    ['was not asked for', [], undefined, undefined],
    [
      'failed since',
      [drilled('failed', noon), drilled('passed', noon - day)],
      undefined,
      'db: its last restore drill failed: rows: there is no table orders.',
    ],
  ])('looks at the drill that %s', (_, drills, everyDays, message) => {
    const [last] = drills;
    const passed = drills.find(({ status }) => status === 'passed');
    const latest: Record<string, LatestDrills> =
      last === undefined ? {} : { db: { last, ...(passed !== undefined && { passed }) } };
    const db = {
      ...schedule('db'),
      ...(everyDays !== undefined && { drillIntervalSeconds: everyDays * 86_400 }),
    };
    const check = checkRestoreProof([proof('db', { verifiedAt: noon })], [db], latest, noon);
    expect(check.ok).toBe(message === undefined);
    if (message !== undefined) expect(check.message).toBe(message);
    if (message !== undefined) expect(check.hint).toContain('lowtide drill db');
  });
});
