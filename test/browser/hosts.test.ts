import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestInstallation } from '../servers/installation.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { operator, tokens } from '../servers/service.ts';
import { barriers, shoot, TestBrowser } from './browser.ts';
import { TestGrafana } from './grafana.ts';
import { versions } from './versions.ts';

const schedules = `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    cron: '0 0 1 1 *'
    stores: [local]
    keep: { last: 50 }`;

/** A host with a folder to back up and one backup of it, whose state is the PostgreSQL that all share. */
class Host implements AsyncDisposable {
  readonly #installation: TestInstallation;
  readonly service: ServeProcess;

  private constructor(installation: TestInstallation, service: ServeProcess) {
    this.#installation = installation;
    this.service = service;
  }

  static async start(instance: string, state: string): Promise<Host> {
    const installation = await TestInstallation.make(schedules, { instance, state, more: tokens });
    mkdirSync(join(installation.folder, 'docs'));
    writeFileSync(join(installation.folder, 'docs', 'a.txt'), instance);
    await installation.completed('docs');
    return new Host(installation, await ServeProcess.startQuick(installation.folder));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    await this.#installation[Symbol.asyncDispose]();
  }
}

let postgres: PostgresServer;
let db1: Host;
let db2: Host;
let browser: TestBrowser;
beforeAll(async () => {
  [postgres, browser] = await Promise.all([startPostgres(), TestBrowser.launch()]);
  db1 = await Host.start('db1', postgres.url());
  db2 = await Host.start('db2', postgres.url());
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await db2[Symbol.asyncDispose]();
  await db1[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

beforeEach(() => {
  browser.complaints.length = 0;
});

const app = '/a/lowtide-backups-app';
/** Wider than a table with a host column, and as narrow as a telephone. */
const widths = [1280, 400];

async function lookAt(shown: Page, name: string): Promise<void> {
  for (const width of widths) {
    await shown.setViewportSize({ width, height: 900 });
    await shoot(shown, `${name}-${width}`);
    expect(await barriers(shown), `${name}, ${width} wide`).toEqual([]);
  }
}

describe.each(versions)('two hosts on one PostgreSQL, in Grafana %s', (version) => {
  const open = async (grafana: TestGrafana, path: string): Promise<Page> => {
    grafana.connect(`http://${db1.service.address}`, operator);
    return await browser.open(`${grafana.url}${app}/${path}`);
  };

  it('are both shown by way of one of them, and told apart', async () => {
    await using grafana = await TestGrafana.start({ version });
    // Closed before Grafana is gone: else a picture that it still asks for is refused, which is a complaint.
    await using shown = await open(grafana, 'overview');
    const hosts = shown.getByRole('region', { name: 'Hosts' });
    await hosts.getByRole('row', { name: /db2.*Alive/ }).waitFor();
    await hosts.getByText('Planner').waitFor();
    await lookAt(shown, `${version}-hosts-overview`);
    await shown.setViewportSize({ width: 1280, height: 900 });
    await hosts.getByRole('link', { name: 'Backups: db2' }).click();
    await shown.getByRole('row', { name: /docs/ }).waitFor();
    expect(new URL(shown.url()).search).toBe('?host=db2');
    expect(await shown.getByRole('columnheader', { name: 'Host' }).count()).toBe(0);
    await lookAt(shown, `${version}-hosts-chosen`);
    for (const [name, rows] of [
      ['schedules', 2],
      ['backups', 2],
      ['activity', 2],
    ] as const) {
      await shown.goto(`${grafana.url}${app}/${name}`);
      await shown.getByRole('row', { name: /db1/ }).first().waitFor();
      expect(await shown.getByRole('row', { name: /docs/ }).count(), name).toBeGreaterThanOrEqual(rows);
      expect(await shown.getByRole('row', { name: /db2/ }).count(), name).toBeGreaterThanOrEqual(1);
      await lookAt(shown, `${version}-hosts-${name}`);
    }
    expect(browser.complaints).toEqual([]);
  });

  it('are chosen among, by keys too', async () => {
    await using grafana = await TestGrafana.start({ version });
    await using shown = await open(grafana, 'activity');
    await shown.getByRole('row', { name: /db2/ }).first().waitFor();
    await shown.locator('#hosts').fill('db1');
    await shown.locator('#hosts').press('Enter');
    await expect.poll(() => shown.getByRole('columnheader', { name: 'Host' }).count()).toBe(0);
    expect(new URL(shown.url()).search).toBe('?host=db1');
    await shown.reload();
    await shown.getByRole('row', { name: /docs/ }).first().waitFor();
    expect(grafana.requests.at(-1)).toContain('host=db1');
  });
});

describe('one of two hosts', () => {
  it('makes a backup that was asked of the other, and the app follows it', async () => {
    await using grafana = await TestGrafana.start({ version: '13.2' });
    grafana.connect(`http://${db1.service.address}`, operator);
    await using page = await browser.open(`${grafana.url}${app}/schedules`);
    await page.getByRole('button', { name: 'Run now: docs (db2)' }).click();
    await page.getByText('db2 is asked to.').waitFor();
    await page.getByText('The backup of docs (db2) has begun.').waitFor({ timeout: 40_000 });
    await page.goto(`${grafana.url}${app}/activity?host=db2`);
    const run = page.getByRole('row', { name: /docs.*Completed.*API/ }).first();
    await run.waitFor();
    await run.getByRole('button').first().click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText(/docs \(db2\)/).waitFor();
    await drawer
      .getByRole('region', { name: 'Log' })
      .getByText(/was read back/)
      .waitFor();
    await drawer.getByRole('link').first().click();
    await page
      .getByRole('dialog')
      .getByRole('region', { name: 'Manifest' })
      .getByText('SHA-256, encrypted')
      .waitFor();
    expect(await page.getByRole('button', { name: 'Verify' }).getAttribute('aria-disabled')).toBe('true');
    await shoot(page, 'hosts-backup-of-another');
    expect(browser.complaints).toEqual([]);
  });

  it('that was killed is shown as silent, with what was last known of it', async () => {
    await using grafana = await TestGrafana.start({ version: '13.2' });
    grafana.connect(`http://${db1.service.address}`, operator);
    await using page = await browser.open(`${grafana.url}${app}/schedules`);
    await page.getByRole('row', { name: /db2/ }).first().waitFor();
    await db2.service.kill();
    // As if a minute had gone by without a word of it.
    postgres.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/db2'`);
    await page.getByText('db2 is silent.').waitFor({ timeout: 40_000 });
    await page.getByText('What is shown of it is what was last known.').waitFor();
    const run = page.getByRole('button', { name: 'Run now: docs (db2)' });
    expect(await run.getAttribute('aria-disabled')).toBe('true');
    await lookAt(page, 'hosts-silent-schedules');
    await page.goto(`${grafana.url}${app}/backups?host=db2`);
    await page.getByRole('row', { name: /docs/ }).first().waitFor();
    await page.getByText('db2 (silent)').waitFor();
    await lookAt(page, 'hosts-silent-backups');
    await page.goto(`${grafana.url}${app}/overview`);
    await page.getByText(/db2 is silent: it was last heard of/).waitFor();
    const hosts = page.getByRole('region', { name: 'Hosts' });
    expect(await hosts.getByRole('row').nth(1).textContent()).toMatch(/^db2.*Silent/);
    await lookAt(page, 'hosts-silent-overview');
    expect(browser.complaints).toEqual([]);
  });
});
