import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { admin, viewer } from '../servers/service.ts';
import { barriers, shoot, TestBrowser } from './browser.ts';
import { TestGrafana } from './grafana.ts';
import { Site } from './site.ts';

/**
 * What people go through with the pages, and what goes wrong there. On one version of Grafana: that the pages look and work alike
 * on both is for pages.test.ts to say.
 */
let site: Site;
let browser: TestBrowser;
let grafana: TestGrafana;
let page: Page | undefined;
beforeAll(async () => {
  [site, browser] = await Promise.all([Site.make(), TestBrowser.launch()]);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(async () => {
  grafana = await TestGrafana.start({ version: '13.2', timeoutMs: 1500 });
});
afterEach(async () => {
  await page?.context().close();
  page = undefined;
  await grafana[Symbol.asyncDispose]();
});

async function open(path: string, options: Parameters<TestBrowser['open']>[1] = {}): Promise<Page> {
  page = await browser.open(`${grafana.url}${path}`, options);
  return page;
}
const app = '/a/lowtide-backups-app';

/** Something that answers in the exporter's place. */
async function inItsPlace(listener: RequestListener): Promise<Server & AsyncDisposable> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(server, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}
const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('a page that cannot show anything says why, and what is at fault', () => {
  it.each([
    ['a token that was revoked', () => site.url, 'revoked', /does not take the token/],
    ['an exporter that is off', () => 'http://127.0.0.1:9', admin, /cannot be reached/],
    ['an address that is none', () => 'nowhere', admin, /cannot send requests|cannot be reached/],
  ])('for %s', async (what, url, token, sentence) => {
    grafana.connect(url(), token);
    const shown = await open(`${app}/overview`);
    await shown.getByText(sentence).first().waitFor();
    await shoot(shown, `failure-${what.replaceAll(' ', '-')}`);
    expect(await barriers(shown)).toEqual([]);
  });

  it('for an exporter that does not answer in time', async () => {
    await using silent = await inItsPlace(() => undefined);
    grafana.connect(urlOf(silent), admin);
    const shown = await open(`${app}/backups`);
    await shown
      .getByText(/did not answer in time/)
      .first()
      .waitFor();
  });

  it('for something that is not Lowtide, and for a Lowtide that is too old', async () => {
    let answer: object = { hello: 'world' };
    await using other = await inItsPlace((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    grafana.connect(urlOf(other), admin);
    const shown = await open(`${app}/overview`);
    await shown
      .getByText(/is not Lowtide, or one that is too old/)
      .first()
      .waitFor();
    answer = { version: '0.0.9' };
    await shown.reload();
    await shown
      .getByText(/Lowtide 0\.0\.9 is too old/)
      .first()
      .waitFor();
  });

  it('keeps what it has shown while the exporter is away, and says from when that is', async () => {
    let isAway = false;
    await using between = await inItsPlace((request, response) => {
      if (isAway) return void request.socket.destroy();
      const url = `${site.url}${request.url ?? ''}`;
      void fetch(url, { headers: { authorization: `Bearer ${admin}` } }).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
      });
    });
    grafana.connect(urlOf(between), admin);
    const shown = await open('/nothing');
    await shown.clock.install();
    await shown.goto(`${grafana.url}${app}/backups`);
    await shown.getByText('orders-db').first().waitFor();
    isAway = true;
    await shown.clock.fastForward('01:01');
    await shown
      .getByText(/What is shown came/)
      .first()
      .waitFor();
    expect(await shown.getByText('orders-db').count()).toBeGreaterThan(0);
  });
});

describe('what somebody may not do', () => {
  it('is disabled for a viewer, with the reason', async () => {
    grafana.connect(site.url, admin);
    grafana.user = { login: 'vic', role: 'Viewer' };
    const shown = await open(`${app}/schedules`);
    const run = shown.getByRole('button', { name: /run now/i }).first();
    await run.waitFor();
    expect(await run.getAttribute('aria-disabled')).toBe('true');
    await run.hover();
    await shown
      .getByText(/takes a higher role|role/i)
      .last()
      .waitFor();
    expect(grafana.requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  });

  it('is disabled for an admin of Grafana whose token is a viewer of Lowtide', async () => {
    grafana.connect(site.url, viewer);
    const shown = await open(`${app}/schedules`);
    const run = shown.getByRole('button', { name: /run now/i }).first();
    await run.waitFor();
    expect(await run.getAttribute('aria-disabled')).toBe('true');
  });
});

describe('an admin', () => {
  it('sets the app up: saves, tests the connection through the proxy, and is told whose token it is', async () => {
    const shown = await open('/plugins/lowtide-backups-app');
    await shown.locator('#exporter-url').fill(site.url.replace('http://', ''));
    await shown.getByText('Begin with http:// or https://').waitFor();
    await shown.locator('#exporter-url').fill(site.url);
    await shown.locator('#exporter-token').fill(viewer);
    await shown.getByRole('button', { name: 'Save' }).click();
    await shown.getByRole('button', { name: /test connection/i }).click();
    await shown.getByText(/Connected to test/).waitFor();
    await shown.getByText('With it everything can be seen, and nothing done.').waitFor();
    await shoot(shown, 'configured');
    expect(grafana.settings).toMatchObject({
      jsonData: { exporterUrl: site.url },
      secureJsonData: { token: viewer },
    });
    expect(await shown.content()).not.toContain(viewer);
  });

  it('looks at a backup with its hashes, and restores it where the config says, once that was typed', async () => {
    grafana.connect(site.url, admin);
    const shown = await open(`${app}/backups`);
    await shown
      .getByRole('row', { name: /web-files/ })
      .first()
      .getByRole('button')
      .first()
      .click();
    const drawer = shown.getByRole('dialog').first();
    const manifest = drawer.getByRole('region', { name: 'Manifest' });
    await manifest
      .getByText(/^[0-9a-f]{64}$/)
      .first()
      .waitFor();
    expect(await manifest.getByText(/^[0-9a-f]{64}$/).count()).toBe(3);
    await shoot(shown, 'backup');
    expect(await barriers(shown, '[role=dialog]')).toEqual([]);
    await drawer.getByRole('button', { name: 'Restore' }).click();
    await shown.locator('#restore-target').press('ArrowDown');
    await shown.locator('#restore-target').press('Enter');
    const confirm = shown.getByRole('button', { name: 'Restore' }).last();
    await shown.locator('#restore-confirmation').fill('scratc');
    expect(await confirm.isDisabled()).toBe(true);
    await shown.locator('#restore-confirmation').fill('scratch');
    await confirm.click();
    await drawer.getByText('Restore: done.').waitFor();
    await shoot(shown, 'restored');
    expect(existsSync(join(site.installation.folder, 'restored'))).toBe(true);
  });

  it('keeps the focus and an open menu while a page is asked for anew', async () => {
    grafana.connect(site.url, admin);
    const shown = await open('/nothing');
    await shown.clock.install();
    await shown.goto(`${grafana.url}${app}/schedules`);
    const isAskedAnew = async (): Promise<void> => {
      grafana.requests.length = 0;
      await shown.clock.fastForward('00:31');
      await expect.poll(() => grafana.requests.length).toBeGreaterThan(4);
      await shown.waitForLoadState('networkidle');
    };
    const why = shown.getByRole('button', { name: 'Why then? mail' });
    await why.focus();
    await isAskedAnew();
    expect(await shown.locator(':focus').getAttribute('aria-label')).toBe('Why then? mail');
    await shown.getByRole('button', { name: 'More actions: mail' }).click();
    await isAskedAnew();
    expect(await shown.getByRole('menuitem').count()).toBe(3);
  });

  it('follows a run to its end, though the list of those that run has it no more', async () => {
    grafana.connect(site.url, admin);
    const headers = { authorization: `Bearer ${admin}` };
    const run = await fetch(`${site.url}/api/v1/schedules/archive/run`, { method: 'POST', headers });
    const { id } = (await run.json()) as { id: string };
    const shown = await open(`${app}/activity`);
    await shown.getByRole('radio', { name: 'Running' }).click({ force: true });
    await shown
      .getByRole('row', { name: /archive/ })
      .getByRole('button')
      .first()
      .click();
    const drawer = shown.getByRole('dialog');
    await drawer.getByRole('progressbar').waitFor();
    await fetch(`${site.url}/api/v1/runs/${id}/cancel`, { method: 'POST', headers });
    await shown.getByText('No runs').first().waitFor();
    await drawer.getByText('Cancelled', { exact: true }).waitFor();
  });

  it('reads what a run has told of itself', async () => {
    grafana.connect(site.url, admin);
    const shown = await open(`${app}/activity`);
    const row = shown.getByRole('row', { name: /metrics-export/ }).first();
    await row.getByRole('button').first().click();
    const log = shown.getByRole('dialog').getByRole('region', { name: 'Log' });
    await log.getByText(/the copy in store local was read back/).waitFor();
    expect(await log.getByRole('listitem').count()).toBeGreaterThanOrEqual(7);
    await shoot(shown, 'run-log');
    expect(await barriers(shown, '[role=dialog]')).toEqual([]);
  });

  it('has a backup restored for practice, and sees what came back', async () => {
    grafana.connect(site.url, admin);
    const shown = await open(`${app}/schedules`);
    await shown.getByRole('button', { name: 'More actions: orders-db' }).click();
    await shown.getByRole('menuitem', { name: 'Restore for practice' }).click();
    await shown.getByText('The restore drill of orders-db has begun: see Activity.').waitFor();
    await shown.goto(`${grafana.url}${app}/activity`);
    await shown.getByRole('tab', { name: 'Restore drills' }).click();
    const row = shown.getByRole('row', { name: /orders-db.*Passed/ });
    await row.waitFor();
    expect(await barriers(shown)).toEqual([]);
    await row.getByRole('button').first().click();
    const drawer = shown.getByRole('dialog');
    await drawer.getByText(/one table, 20,000 rows/).waitFor();
    await shoot(shown, 'drill');
    expect(await barriers(shown, '[role=dialog]')).toEqual([]);
  });

  it('rotates the keys, and retires the one that nothing needs any more', async () => {
    grafana.connect(site.url, admin);
    const rotation = await fetch(`${site.url}/api/v1/rotations?wait=true`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      body: '{"mode":"rewrap"}',
    });
    expect(await rotation.json()).toMatchObject({ status: 'completed' });
    const shown = await open(`${app}/keys`);
    const retire = shown.locator(
      'button[aria-label^="Retire: key-"]:not([aria-disabled=true]):not([disabled])',
    );
    await retire.first().waitFor();
    const id = ((await retire.first().getAttribute('aria-label')) ?? '').replace('Retire: ', '');
    await retire.first().click();
    await shown.getByRole('dialog').getByRole('textbox').fill(id);
    await shown.getByRole('dialog').getByRole('button', { name: 'Retire' }).click();
    await shown.getByText(`The key ${id} is retired.`).first().waitFor();
    const keys = readFileSync(join(site.installation.folder, 'keys', `${id}.json`), 'utf8');
    expect(keys).toContain('"retired"');
  });
});

const overflowOf = (element: { readonly scrollWidth: number; readonly clientWidth: number }): number =>
  element.scrollWidth - element.clientWidth;

describe('a small screen', () => {
  it.each(['overview', 'schedules', 'backups', 'keys', 'activity'])('has room for %s', async (name) => {
    grafana.connect(site.url, admin);
    const shown = await open(`${app}/${name}`, { viewport: { width: 390, height: 800 } });
    await shown.getByRole('heading', { level: 1 }).first().waitFor();
    await shown.waitForLoadState('networkidle');
    await shoot(shown, `small-${name}`);
    const overflow = await shown.locator('main').evaluate(overflowOf);
    expect(overflow).toBeLessThanOrEqual(1);
    expect(await barriers(shown)).toEqual([]);
  });
});
