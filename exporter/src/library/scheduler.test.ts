import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../catalog/sqlite.ts';
import type { LoadRecord } from '../load/load.ts';
import { BackupPriority, IntelligentBackupScheduler, type BackupSchedule } from './scheduler.ts';

const hour = 3_600_000;
const midnight = Date.parse('2026-03-10T00:00:00Z');
const history: readonly LoadRecord[] = Array.from({ length: 21 * 288 }, (_, index) => {
  const at = midnight - 21 * 24 * hour + index * 300_000;
  const fromTrough = Math.abs((at % (24 * hour)) / hour - 4.5);
  return { at, cpu: Math.min(0.9, 0.05 + fromTrough * 0.08), memory: 0.3, disk: NaN };
});

const nightly: BackupSchedule = {
  backupId: 'db-backup-prod',
  priority: BackupPriority.CRITICAL,
  preferredWindowStart: 2,
  preferredWindowEnd: 6,
  maxDelayHours: 6,
  estimatedDurationMinutes: 45,
  resourcesRequired: { cpu: 0.3, memory: 0.5 },
};

function scheduler(records = history): IntelligentBackupScheduler {
  return new IntelligentBackupScheduler({ history: records, timezone: 'UTC', now: () => midnight });
}

describe('IntelligentBackupScheduler', () => {
  it('finds the quiet of the night', () => {
    const start = scheduler().getOptimalTime(nightly).getTime();
    expect(Math.abs(start - (midnight + 4.2 * hour))).toBeLessThanOrEqual(hour / 3);
  });

  it('reads what a service of this host has measured', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'lowtide-library-'));
    try {
      {
        await using catalog = openSqliteCatalog(stateDir);
        await catalog.load.record(history, 'coarse');
      }
      const options = { timezone: 'UTC', now: () => midnight };
      const one = await IntelligentBackupScheduler.reading({ stateDir, ...options });
      expect(one.getOptimalTime(nightly)).toEqual(scheduler().getOptimalTime(nightly));
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('starts as the window opens where nothing is known', () => {
    expect(scheduler([]).getOptimalTime(nightly)).toEqual(new Date(midnight + 2 * hour));
  });

  it('spreads several over the night, each with its reason', () => {
    const one = scheduler();
    for (const backupId of ['a', 'b', 'c']) one.addSchedule({ ...nightly, backupId });
    const scheduled = one.scheduleBackups();
    expect(scheduled.map(({ backupId }) => backupId).sort()).toEqual(['a', 'b', 'c']);
    // Half of the memory each: never three at once.
    for (const { start } of scheduled) {
      const meanwhile = scheduled.filter((other) => other.start <= start && start < other.end);
      expect(meanwhile.length).toBeLessThanOrEqual(1);
    }
    for (const { reason } of scheduled) expect(reason.text).toMatch(/\S/);
  });

  it('tells what the load was, and of nothing that was never measured', () => {
    const statistics = scheduler().getLoadStatistics();
    expect(Object.keys(statistics)).toEqual(['cpu', 'memory']);
    expect(statistics.cpu?.quietHours[0]?.hours).toEqual([3, 4, 5]);
  });

  it('refuses hours that no day has', () => {
    expect(() => scheduler().addSchedule({ ...nightly, preferredWindowEnd: 24 })).toThrow(
      /cannot begin or end at 24/,
    );
  });
});
