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

describe.each(versions)('Grafana %s', (version) => {
  it('opens the app, which tells whether every backup is safe', async () => {
    await using grafana = await TestGrafana.start({ version });
    grafana.connect(site.url, operator);
    const page = await browser.open(`${grafana.url}/a/lowtide-backups-app`);
    await page.getByText('One schedule of 5 has no fresh backup: archive.').waitFor();
    expect(page.url()).toBe(`${grafana.url}/a/lowtide-backups-app/overview`);
    await shoot(page, `${version}-overview`);
    expect(await barriers(page)).toEqual([]);
    expect(browser.complaints).toEqual([]);
  });
});
