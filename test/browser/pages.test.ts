import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operator } from '../servers/service.ts';
import { barriers, shoot, TestBrowser } from './browser.ts';
import { TestGrafana } from './grafana.ts';
import { Site } from './site.ts';
import { versions } from './versions.ts';

let site: Site;
let browser: TestBrowser;
beforeAll(async () => {
  [site, browser] = await Promise.all([Site.make(), TestBrowser.launch()]);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** What each page has once its answers are there. */
const pages = [
  ['overview', 'One schedule of 5 has no fresh backup: archive.'],
  ['schedules', 'Run now'],
  ['backups', 'orders-db'],
  ['keys', 'Retire'],
  ['activity', 'metrics-export'],
] as const;

describe.each(versions)('Grafana %s', (version) => {
  it('leads to the configuration while there is none', async () => {
    await using grafana = await TestGrafana.start({ version });
    const page = await browser.open(`${grafana.url}/a/lowtide-backups-app/overview`);
    await page.getByRole('link', { name: 'Connect Lowtide' }).waitFor();
    // The ways into the app that its entry has offered to the command palette and the menus of panels.
    await page.locator('html[data-links]').waitFor({ state: 'attached' });
    const offered = await page.locator('html').getAttribute('data-links');
    expect(offered?.split('|')).toHaveLength(5);
    expect(offered).toContain('Open in Lowtide');
    await shoot(page, `${version}-welcome`);
    expect(await barriers(page)).toEqual([]);
    await page.context().close();
    expect(browser.complaints).toEqual([]);
  });

  it('shows every page, dark and light, with nothing that keeps anybody out', async () => {
    for (const theme of ['dark', 'light'] as const) {
      await using grafana = await TestGrafana.start({ version, theme });
      grafana.connect(site.url, operator);
      const page = await browser.open(`${grafana.url}/a/lowtide-backups-app`);
      for (const [name, text] of pages) {
        await page.goto(`${grafana.url}/a/lowtide-backups-app/${name}`);
        await page.getByText(text).first().waitFor();
        await shoot(page, `${version}-${theme}-${name}`);
        expect(await barriers(page), `${theme} ${name}`).toEqual([]);
      }
      await page.goto(`${grafana.url}/plugins/lowtide-backups-app`);
      await page.getByRole('button', { name: /test connection/i }).waitFor();
      await shoot(page, `${version}-${theme}-configuration`);
      expect(await barriers(page), `${theme} configuration`).toEqual([]);
      await page.context().close();
    }
    expect(browser.complaints).toEqual([]);
  });

  it('runs a backup when asked, and tells how it ended', async () => {
    await using grafana = await TestGrafana.start({ version });
    grafana.connect(site.url, operator);
    const page = await browser.open(`${grafana.url}/a/lowtide-backups-app/schedules`);
    const row = page.getByRole('row').filter({ hasText: 'mail' });
    await row.getByRole('button', { name: /run/i }).first().click();
    await page
      .getByText(/completed/i)
      .first()
      .waitFor();
    await shoot(page, `${version}-run`);
    await page.context().close();
    expect(browser.complaints).toEqual([]);
  });
});
