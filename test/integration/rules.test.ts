import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { alertGroups } from '../../provisioning/source/groups.ts';
import { recordings } from '../../provisioning/source/recordings.ts';
import { livedIn, type LivedIn } from '../servers/lived-in.ts';
import { ownPrometheus } from '../servers/own-prometheus.ts';
import { canMount, Disk } from './disks.ts';

const provisioning = join(import.meta.dirname, '../../provisioning/prometheus');
const alerts = alertGroups.flatMap((group) => group.alerts);
const hour = 3600;
const day = 24 * hour;
/** The keystore is looked at every ten seconds, and a busy machine takes its time. */
const patience = { timeout: 120_000, interval: 250 };

describe('promtool', () => {
  it.each([
    ['the config, and with it the rules', ['check', 'config', 'prometheus.yml']],
    [
      'what fires and what does not',
      ['test', 'rules', ...readdirSync(join(provisioning, 'tests')).map((name) => `tests/${name}`)],
    ],
  ])('has nothing against %s', (_, argv) => {
    const { status, stdout, stderr } = spawnSync('promtool', argv, { cwd: provisioning, encoding: 'utf8' });
    expect({ status, problems: `${stdout}${stderr}`.match(/^.*(FAILED|error|warn).*$/gim) }).toEqual({
      status: 0,
      problems: null,
    });
  });
});

interface Finding {
  /** What tells its series apart. */
  readonly label: string;
  readonly values: readonly string[];
  /** Comes true by itself, once so many seconds have gone by. */
  readonly after?: number;
}

/** What each alert names of an exporter to which everything has happened. */
const findings: Readonly<Record<string, Finding>> = {
  LowtideBackupNeverSucceeded: { label: 'schedule', values: ['broken'] },
  LowtideBackupTooOld: {
    label: 'schedule',
    values: ['docs', 'impatient', 'patient', 'settings', 'shop'],
    after: 3 * day,
  },
  LowtideBackupFailing: { label: 'schedule', values: ['shop'] },
  LowtideBackupRunningLong: { label: 'schedule', values: ['endless'], after: hour },
  LowtideBackupSizeUnusual: { label: 'schedule', values: ['docs'] },
  LowtideBackupMissed: { label: 'schedule', values: ['settings'] },
  LowtideSchedulePaused: { label: 'schedule', values: ['resting'] },
  LowtideVerificationFailed: { label: 'status', values: ['failed'] },
  LowtideCopiesNotMadeGood: { label: 'store', values: ['local'] },
  LowtideRestoreUnproven: { label: 'check_type', values: ['restore_proof'] },
  LowtideDrillOverdue: { label: 'schedule', values: ['shop'], after: 15 * day },
  // A store that is down did not get its copy.
  LowtideConfigCopyOutdated: { label: 'store', values: ['offsite'] },
  LowtideStoreDown: { label: 'store', values: ['offsite'] },
  LowtideKeyMissing: { label: 'key_id', values: ['key-0000000000aa'] },
  LowtideKeyTooOld: { label: 'state', values: ['active'], after: 301 * day },
  LowtideRotationFailed: { label: 'status', values: ['failed'] },
  // Two backups that are damaged could not be given to a newer key.
  LowtideRetiringKeyInUse: { label: 'job', values: ['backups', 'backups'], after: 31 * day },
  LowtideHealthCheckFailing: { label: 'check_type', values: ['encryption', 'sources'] },
  LowtideConfigNotReloaded: { label: 'job', values: ['backups'] },
};
/** What somebody has to bring about, below. */
const staged = alerts.map(({ name }) => name).filter((name) => !(name in findings));

describe('the rules on an exporter to which everything has happened', () => {
  const stack = new AsyncDisposableStack();
  let life: LivedIn;
  let disk: Disk | undefined;
  beforeAll(async () => {
    if (canMount) disk = stack.use(Disk.tmpfs('size=24m'));
    life = stack.use(await livedIn({ prometheus: ownPrometheus, ...(disk && { offsite: disk.path }) }));
  });
  afterAll(() => stack.disposeAsync());

  const exprOf = (name: string): string => alerts.find((alert) => alert.name === name)?.expr ?? '';
  const found = async (name: string, afterSeconds = 0): Promise<readonly Record<string, string>[]> => {
    const results = await life.prometheus.ask(exprOf(name), Date.now() / 1000 + afterSeconds);
    return results.map(({ metric }) => metric);
  };
  /** Waits until an alert names these, and no others. */
  const finds = async (name: string, { label, values, after }: Finding): Promise<void> => {
    await vi.waitFor(async () => {
      const metrics = await found(name, after);
      expect(metrics.map((metric) => metric[label]).toSorted()).toEqual(values);
    }, patience);
  };
  const ofJob: Finding = { label: 'job', values: ['backups'] };
  const none: Finding = { label: 'job', values: [] };

  it.each(recordings.map(({ record }) => record))('%s is recorded', async (record) => {
    expect((await life.prometheus.query(record)).size).toBeGreaterThan(0);
  });

  it.each(Object.entries(findings))('%s names what is wrong, and nothing else', finds);

  it.each(staged)('%s finds nothing yet', (name) => finds(name, none));

  it('fire, with texts in which every word was found', async () => {
    await life.prometheus.query('ALERTS{alertname="LowtideBackupSizeUnusual",alertstate="firing"}');
    const response = await fetch(`${life.prometheus.url}/api/v1/alerts`);
    const { data } = (await response.json()) as {
      readonly data: { readonly alerts: readonly { readonly annotations: Record<string, string> }[] };
    };
    const texts = data.alerts.flatMap(({ annotations }) => Object.values(annotations));
    expect(texts.length).toBeGreaterThan(30);
    expect(texts.filter((text) => /<error|<no value>|\{\{/.test(text))).toEqual([]);
    const runbook = data.alerts.find(({ annotations }) => annotations['summary']?.startsWith('docs'))
      ?.annotations['runbook_url'];
    const page = await fetch(runbook ?? life.service.url('/docs/runbooks.md'));
    expect(await page.text()).toContain('\n## LowtideBackupSizeUnusual\n');
  });

  it('find a schedule that nearly always waits', async () => {
    const { catalog } = life.service;
    const waits = (): Promise<unknown> =>
      catalog.append({ name: 'run:deferred', schedule: 'broken', reason: 'cpu' }, Date.now());
    await waits();
    await life.scraped();
    for (let times = 0; times < 4; times += 1) await waits();
    await finds('LowtideBackupDeferredOften', { label: 'schedule', values: ['broken'] });
  });

  it.skipIf(!canMount)('find a disk that fills, and one that is full', async () => {
    writeFileSync(join(disk?.path ?? '', 'ballast'), Buffer.alloc(23.5 * 2 ** 20, 7));
    await finds('LowtideDiskFilling', ofJob);
    await finds('LowtideDiskFull', ofJob);
  });

  it('find a rotation that was interrupted', async () => {
    const rotation = { rotationId: 'r', mode: 'rewrap', done: 1, skipped: 0, failed: 0 } as const;
    const interrupted = { name: 'rotation:finished', status: 'interrupted', ...rotation } as const;
    await life.service.catalog.append(interrupted, Date.now());
    await finds('LowtideRotationStuck', ofJob);
    await finds('LowtideRotationFailed', none);
  });

  it('find a restore drill that fails', async () => {
    const drills = join(life.service.installation.folder, 'drills');
    rmSync(drills, { recursive: true });
    writeFileSync(drills, 'no folder');
    await life.service.post('/schedules/shop/drill?wait=true');
    await finds('LowtideDrillFailed', { label: 'schedule', values: ['shop'] });
  });

  it('find a part of the metrics that cannot be made', async () => {
    const keys = join(life.service.installation.folder, 'keys');
    rmSync(keys, { recursive: true });
    writeFileSync(keys, 'no folder');
    await finds('LowtideMetricsIncomplete', { label: 'collector', values: ['keys'] });
  });

  it('find an exporter that is down', async () => {
    await life.service.end();
    await finds('LowtideExporterDown', ofJob);
  });
});
