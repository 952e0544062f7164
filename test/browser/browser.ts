import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];

/** Debian's Chromium, and the pages that a test file opens in it. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  /** What went wrong in the pages by themselves: each is a fault of the plugin. */
  readonly complaints: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    return new TestBrowser(
      await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: flags }),
    );
  }

  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: 1440, height: 900 },
      reducedMotion: 'reduce',
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() !== 'error' || isExpected(message.text())) return;
      this.complaints.push(`${message.text()} (${message.location().url})`);
    });
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** A request that was refused says so in the console as well. */
function isExpected(text: string): boolean {
  return text.startsWith('Failed to load resource: the server responded with a status of');
}

const screenshots = process.env['LOWTIDE_SCREENSHOTS'];

/** Keeps how the page looks, in the folder that `LOWTIDE_SCREENSHOTS` names; does nothing without. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (screenshots === undefined) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}

/** Tells what moves from now on: names of properties and animations. Colours, focus rings and what fades do not move. */
export async function movements(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(`globalThis.movements = [];
    for (const type of ['transitionrun', 'animationstart']) {
      document.addEventListener(type, (event) => movements.push(event.propertyName ?? event.animationName));
    }`);
  const still = /color|opacity|shadow|outline|^(fill|stroke)$/;
  return async () => (await page.evaluate<string[]>('movements')).filter((name) => !still.test(name));
}

/** What keeps people out who hear, enlarge or type instead of looking and pointing: WCAG 2.2 A and AA, by axe. */
export async function barriers(page: Page, within = 'main'): Promise<string[]> {
  // What fades in is too pale until it has: Grafana's drawers do, also for those who want no motion.
  await page.waitForFunction('document.getAnimations().every(({ playState }) => playState === "finished")');
  await page.evaluate(axe.source);
  return await page.evaluate(async (selector) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(selector, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(
        ({ target, html, failureSummary = '' }) => `${id}: ${target.join(' ')}\n${html}\n${failureSummary}`,
      ),
    );
  }, within);
}
