import { expect, test } from '@grafana/plugin-e2e';

/**
 * The app inside a real Grafana: that it is loaded and signed off, that its pages get answers through Grafana's own proxy, and that
 * its panels draw on dashboards. What the pages do is tested in test/browser, without a Grafana server.
 */
const pluginId = 'lowtide-backups-app';

for (const [path, heading] of [
  ['/overview', 'Overview'],
  ['/schedules', 'Schedules'],
  ['/backups', 'Backups'],
  ['/keys', 'Keys'],
  ['/activity', 'Activity'],
] as const) {
  test(`the page ${heading} has answers from the exporter`, async ({ gotoAppPage, page }) => {
    await gotoAppPage({ pluginId, path });
    await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
    await expect(page.getByText(/cannot be reached|does not take the token|is not enabled/)).toHaveCount(0);
    await expect(page.getByText('Loading …')).toHaveCount(0);
  });
}

test('the configuration reaches the exporter', async ({ gotoAppConfigPage, page }) => {
  await gotoAppConfigPage({ pluginId });
  await page.getByRole('button', { name: 'Test connection' }).click();
  await expect(page.getByText(/Connected to/)).toBeVisible();
});

test('a backup is made when asked', async ({ gotoAppPage, page }) => {
  await gotoAppPage({ pluginId, path: '/schedules' });
  await page.getByRole('button', { name: 'Run now' }).first().click();
  await expect(page.getByText(/has begun/)).toBeVisible();
});

for (const [uid, title] of [
  ['lowtide-schedules', 'The tide'],
  ['lowtide-keys', 'Keys'],
] as const) {
  test(`the panel on the dashboard ${uid} is known and draws`, async ({ gotoDashboardPage, page }) => {
    await gotoDashboardPage({ uid });
    await expect(page.getByText(title).first()).toBeVisible();
    await expect(page.getByText(/Panel plugin not found/)).toHaveCount(0);
    await expect(page.getByText('Loading …')).toHaveCount(0);
  });
}

test('the command palette leads into the app', async ({ page }) => {
  await page.goto('/');
  await page.keyboard.press('ControlOrMeta+k');
  await page.getByRole('combobox').last().fill('Lowtide: is every');
  await page
    .getByText(/Lowtide: is every backup safe/)
    .first()
    .click();
  await expect(page).toHaveURL(new RegExp(`/a/${pluginId}/overview`));
});
