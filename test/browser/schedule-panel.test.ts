import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan, Slot } from '../../exporter/src/api/contract.ts';
import { operator } from '../servers/service.ts';
import { barriers, shoot, TestBrowser } from './browser.ts';
import { TestGrafana } from './grafana.ts';
import { Site } from './site.ts';
import { versions } from './versions.ts';

let site: Site;
let browser: TestBrowser;
/** Of the exporter; it comes back to it. */
let url: string;
beforeAll(async () => {
  [site, browser] = await Promise.all([Site.make(), TestBrowser.launch()]);
  url = site.url;
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** A start of the orders that the exporter has planned, and that will not come while the test runs. */
async function nextSlot(): Promise<Slot> {
  const answer = await fetch(`${url}/api/v1/plan?hours=48`, {
    headers: { authorization: `Bearer ${operator}` },
  });
  const { slots } = (await answer.json()) as Plan;
  const slot = slots.find(
    ({ schedule, start }) => schedule === 'orders-db' && Date.parse(start) > Date.now() + 3_600_000,
  );
  if (slot === undefined) throw new Error('nothing is planned for the orders');
  return slot;
}

const clock = (at: string, timeZone: string): string =>
  new Intl.DateTimeFormat('en', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
    new Date(at),
  );

describe.each(versions)('the schedule panel in Grafana %s', (version) => {
  let grafana: TestGrafana;
  let page: Page;

  beforeAll(async () => {
    grafana = await TestGrafana.start({ version, user: { login: 'vic', role: 'Viewer' } });
    grafana.connect(url, operator);
    page = await browser.open('about:blank', { viewport: { width: 1280, height: 640 } });
  });
  afterAll(async () => {
    await page.context().close();
    await grafana[Symbol.asyncDispose]();
  });

  const lanes = () => page.getByRole('application');
  const open = async (query: Readonly<Record<string, string>>): Promise<void> => {
    const search = new URLSearchParams({ width: '980', height: '520', ...query });
    grafana.requests.length = 0;
    await page.goto(`${grafana.url}/d/tide?panel=lowtide-schedule-panel&${search.toString()}`);
    await lanes().waitFor();
  };
  const block = (slot: Slot) => page.locator(`[data-event="planned/${slot.schedule}/${slot.dueAt}"]`);

  it.each(['Europe/Madrid', 'America/New_York'])(
    'shows two days past and two to come, in the time of %s',
    async (timezone) => {
      const slot = await nextSlot();
      await open({ from: 'now-48h', to: 'now', timezone });
      expect(await block(slot).locator('text').textContent()).toBe(clock(slot.start, timezone));
      expect(await page.locator('[data-event^="run/"]').count()).toBeGreaterThan(3);
      expect(await page.locator('[data-resource="cpu"]').count()).toBe(1);
      await shoot(page, `tide-${timezone.split('/')[1] ?? ''}-${version}`);
    },
  );

  it('asks for no plan where the time is past, and shows what failed then', async () => {
    await open({ from: 'now-5d', to: 'now-1d', timezone: 'utc' });
    expect(grafana.requests.some((request) => request.includes('/plan'))).toBe(false);
    expect(await page.getByRole('listitem').filter({ hasText: 'failed' }).count()).toBe(1);
    await shoot(page, `tide-past-${version}`);
  });

  it('shows a night hour by hour, and the choice of another time by dragging', async () => {
    await open({ from: 'now-6h', to: 'now+12h', timezone: 'Europe/Madrid' });
    const before = await page.locator('svg text').allTextContents();
    const box = await lanes().boundingBox();
    if (box === null) throw new Error('the lanes are not to be seen');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height - 10);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 100, box.y + box.height - 10, { steps: 5 });
    await page.mouse.up();
    await page.mouse.move(0, 0);
    await expect.poll(async () => await page.locator('svg text').allTextContents()).not.toEqual(before);
    await shoot(page, `tide-chosen-${version}`);
  });

  it('tells at the pointer why a backup lies where it lies', async () => {
    const slot = await nextSlot();
    await open({ from: 'now-48h', to: 'now', timezone: 'Europe/Madrid' });
    await block(slot).locator('rect').last().hover();
    await page.getByText(slot.reason.text).waitFor();
    expect(await page.getByText('Expected load', { exact: true }).isVisible()).toBe(true);
    await shoot(page, `tide-why-${version}`);
    await page.mouse.move(0, 0);
    await page.getByText(slot.reason.text).waitFor({ state: 'hidden' });
  });

  it('tells the same by the keyboard, and in a table', async () => {
    const slot = await nextSlot();
    await open({ from: 'now-48h', to: 'now', timezone: 'Europe/Madrid' });
    await page.getByRole('radio', { name: 'Chart' }).focus();
    await page.keyboard.press('Tab');
    await page.locator('[role="application"]:focus').waitFor();
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(async () => await page.getByRole('status').textContent())
      .toMatch(/^orders-db\. completed/);
    await page.keyboard.press('Escape');
    await page.getByRole('radio', { name: 'Table' }).click({ force: true });
    const row = page
      .getByRole('row')
      .filter({ hasText: 'orders-db' })
      .filter({ hasText: `${clock(slot.start, 'Europe/Madrid')} to` });
    expect(await row.first().textContent()).toContain('planned');
    await shoot(page, `tide-table-${version}`);
    expect(await barriers(page)).toEqual([]);
  });

  it.each(['dark', 'light'] as const)('is good to read for everybody: %s', async (theme) => {
    grafana.theme = theme;
    await open({ from: 'now-48h', to: 'now', timezone: 'Europe/Madrid' });
    await shoot(page, `tide-${theme}-${version}`);
    expect(await barriers(page)).toEqual([]);
    grafana.theme = 'dark';
  });

  it('speaks Spanish', async () => {
    grafana.language = 'es-ES';
    await open({ from: 'now-48h', to: 'now', timezone: 'Europe/Madrid' });
    await page.getByText('marea baja').waitFor();
    await shoot(page, `tide-es-${version}`);
    grafana.language = 'en-US';
  });

  it('has room on a small panel', async () => {
    await open({ from: 'now-24h', to: 'now', timezone: 'utc', width: '360', height: '260' });
    await shoot(page, `tide-small-${version}`);
    const [chart, panel] = await Promise.all([
      lanes().boundingBox(),
      page.locator('section').first().boundingBox(),
    ]);
    if (chart === null || panel === null) throw new Error('there is no panel to be seen');
    expect(chart.x + chart.width).toBeLessThanOrEqual(panel.x + panel.width);
    expect(chart.y + chart.height).toBeLessThanOrEqual(panel.y + panel.height);
  });

  it('keeps what it shows while the exporter is gone, and comes back with it', async () => {
    await open({ from: 'now-48h', to: 'now', timezone: 'utc' });
    await site.kill();
    await page.getByTestId('refresh').dispatchEvent('click');
    await page.getByText('What is shown came').waitFor();
    expect(await lanes().textContent()).toContain('orders-db');
    await shoot(page, `tide-stale-${version}`);
    await site.start(new URL(url).host);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('What is shown came').waitFor({ state: 'hidden' });
  });

  it('has no complaints of its own', () => {
    expect(browser.complaints).toEqual([]);
  });
});
