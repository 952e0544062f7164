import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestInstallation } from '../servers/installation.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { operator, tokens, viewer } from '../servers/service.ts';
import { storeBackups } from '../servers/stored-backups.ts';
import { barriers, movements, shoot, TestBrowser } from './browser.ts';
import { TestGrafana } from './grafana.ts';
import { versions } from './versions.ts';

const schedules = `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    cron: '0 0 1 1 *'
    stores: [local]
    keep: { last: 50 }`;

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.launch();
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
});

describe.each(versions)('the rotation panel in Grafana %s', (version) => {
  let installation: TestInstallation;
  let service: ServeProcess;
  /** Where the service is, and comes back to. */
  let address: string;
  let grafana: TestGrafana;
  let page: Page;

  beforeAll(async () => {
    installation = await TestInstallation.make(schedules, { more: tokens });
    const { catalog, keystore } = installation.opened;
    const key = await keystore.active();
    // At one MiB a second, enough to be watched and cut off.
    await storeBackups(12, { folder: join(installation.folder, 'backups'), catalog, key, bytes: 700_000 });
    service = await ServeProcess.start(installation.folder);
    address = service.address;
    grafana = await TestGrafana.start({ version, user: { login: 'eve', role: 'Editor' } });
    grafana.connect(`http://${address}`, operator);
    page = await browser.open('about:blank', { viewport: { width: 1100, height: 900 } });
  });
  afterAll(async () => {
    await page.context().close();
    await grafana[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
    await installation[Symbol.asyncDispose]();
  });

  const open = async (query: Readonly<Record<string, string>> = {}): Promise<void> => {
    const search = new URLSearchParams({ width: '760', height: '420', timezone: 'utc', ...query });
    await page.goto(`${grafana.url}/d/keys?panel=lowtide-rotation-panel&${search.toString()}`);
    await page.getByText('Age of the key').waitFor();
  };
  const press = async (name: string): Promise<void> =>
    await page.getByRole('button', { name, exact: true }).click();
  const posts = (): string[] => grafana.requests.filter((request) => request.startsWith('POST'));

  it('shows a viewer the keys, and says why nothing can be rotated', async () => {
    grafana.user = { login: 'vic', role: 'Viewer' };
    await open();
    expect(await page.getByRole('row', { name: /active.*12/ }).count()).toBe(1);
    const button = page.getByRole('button', { name: 'Rotate keys…' });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    expect(await page.getByText('Your role in Grafana is Viewer; this needs Editor.').isVisible()).toBe(true);
    await shoot(page, `rotation-viewer-${version}`);
    grafana.user = { login: 'eve', role: 'Editor' };
  });

  it('says so where the token may not', async () => {
    grafana.connect(`http://${address}`, viewer);
    await open();
    await page.getByText('The token that Grafana uses has the role viewer').waitFor();
    grafana.connect(`http://${address}`, operator);
  });

  it.each(['dark', 'light'] as const)('is good to read for everybody: %s', async (theme) => {
    grafana.theme = theme;
    await open();
    expect(await barriers(page)).toEqual([]);
    await press('Rotate keys…');
    await press('Dry run');
    await page.getByText('12 backups in local').waitFor();
    await shoot(page, `rotation-plan-${theme}-${version}`);
    expect(await barriers(page, '[role="dialog"]')).toEqual([]);
    grafana.theme = 'dark';
  });

  it('goes from dry run to done, with the exporter killed in the middle', async () => {
    await open();
    grafana.requests.length = 0;
    await press('Rotate keys…');
    await page.getByRole('radio', { name: 'Encrypt anew' }).click({ force: true });
    await page.getByLabel('At most MiB/s').fill('1');
    await press('Dry run');
    await page.getByText('12 backups in local').waitFor();
    await press('Rotate…');
    const start = page.getByRole('button', { name: 'Start the rotation' });
    expect(await start.getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.type('test');
    await shoot(page, `rotation-confirm-${version}`);
    const movedSince = await movements(page);
    await start.click();

    await page.locator('[role="progressbar"][aria-valuenow]').waitFor();
    await shoot(page, `rotation-running-${version}`);
    await service.kill();
    await page.getByText('has not answered for').waitFor();
    // For those who have asked for no motion, as all pages here have.
    expect(await movedSince()).toEqual([]);
    await shoot(page, `rotation-killed-${version}`);

    service = await ServeProcess.start(installation.folder, '--web.listen-address', address);
    await page.getByText('was interrupted').waitFor({ timeout: 20_000 });
    await shoot(page, `rotation-interrupted-${version}`);
    await press('Resume');
    await page.getByText('The keys are rotated.').waitFor({ timeout: 30_000 });
    await expect.poll(async () => await page.getByRole('row', { name: /active.*12/ }).count()).toBe(1);
    await shoot(page, `rotation-done-${version}`);
    // A dry run, one start, one resume: nothing was begun twice.
    expect(posts().map((request) => request.replace(/rotations\/[^/]+/, 'rotations/ID'))).toEqual([
      'POST api/v1/rotations',
      'POST api/v1/rotations',
      'POST api/v1/rotations/ID/resume',
    ]);
  });

  it('cancels what goes on, and offers to resume it', async () => {
    await open();
    await press('Rotate keys…');
    await page.getByRole('radio', { name: 'Encrypt anew' }).click({ force: true });
    await page.getByLabel('At most MiB/s').fill('1');
    await press('Dry run');
    await press('Rotate…');
    await page.keyboard.type('test\n');
    await press('Cancel');
    await page.getByText('The rotation was cancelled.').waitFor({ timeout: 20_000 });
    expect(await page.getByRole('button', { name: 'Resume' }).isEnabled()).toBe(true);
    await shoot(page, `rotation-cancelled-${version}`);
  });

  it('speaks Spanish', async () => {
    grafana.language = 'es-ES';
    const search = 'panel=lowtide-rotation-panel&width=760&height=420';
    await page.goto(`${grafana.url}/d/keys?${search}`);
    await page.getByText('Edad de la clave').waitFor();
    await shoot(page, `rotation-es-${version}`);
    grafana.language = 'en-US';
  });

  it('has no complaints of its own', () => {
    expect(browser.complaints).toEqual([]);
  });
});
