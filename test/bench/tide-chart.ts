import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { manyAnswers, now } from '../../grafana-plugin/src/timeline/tide.testdata.ts';
import { TestBrowser } from '../browser/browser.ts';
import { TestGrafana } from '../browser/grafana.ts';
import prepare from '../browser/prepare.ts';

/**
 * How quickly the tide chart is drawn and scrolled, in Chromium and by its clock: the built panel with 500 schedules, two
 * days past and two to come, and the load by five minutes. On a machine that is busy otherwise the best figures count.
 */
const schedules = 500;
const day = 86_400_000;
const measurements = readFileSync(new URL('tide-chart/in-page.mjs', import.meta.url), 'utf8');
const budgets = { drawMs: 100, frameMs: 1000 / 60 };

await prepare();
await using grafana = await TestGrafana.start({ version: '13.2' });
await using browser = await TestBrowser.launch();
const page = await browser.open('about:blank', { viewport: { width: 1600, height: 900 } });
await answer(page);
const search = new URLSearchParams({
  panel: 'lowtide-schedule-panel',
  from: String(now - 2 * day),
  to: String(now + 2 * day),
  timezone: 'Europe/Madrid',
  width: '1320',
  height: '780',
});
await page.goto(`${grafana.url}/d/bench?${search.toString()}`);
await page.getByRole('application').waitFor();

const drawn = await page.evaluate<number[]>(inPage('draw'));
const zoomed = await page.evaluate<number[]>(inPage('zoom'));
const frames = (await page.evaluate<number[]>(inPage('scroll'))).sort((a, b) => a - b);

report('drawn anew', drawn, budgets.drawMs);
report('zoomed', zoomed, budgets.drawMs);
const seconds = frames.reduce((sum, frame) => sum + frame, 0) / 1000;
const late = frames.filter((frame) => frame > budgets.frameMs * 1.05).length;
console.log(
  `scrolled      ${(frames.length / seconds).toFixed(1)} frames a second, median ${at(frames, 0.5)} ms, 95 % within ${at(frames, 0.95)} ms, ${late} of ${frames.length} late`,
);
if (Math.min(...drawn) > budgets.drawMs || Number(at(frames, 0.5)) > budgets.frameMs * 1.05)
  process.exitCode = 1;

/** One of the measurements of tide-chart/in-page.mjs, which know the document. */
function inPage(measurement: 'draw' | 'zoom' | 'scroll'): string {
  return `${measurements.replaceAll('export ', '')}; ${measurement}()`;
}

/** As an exporter with so many schedules would; what time it is, is said as well. */
async function answer(to: Page): Promise<void> {
  const { schedules: items, runs, plan, load } = manyAnswers(schedules);
  const answers: Record<string, unknown> = { schedules: { items }, runs: { items: runs }, plan, load };
  await to.addInitScript((time) => void (Date.now = () => time), now);
  await to.route('**/api/plugin-proxy/**', async (route) => {
    const path = new URL(route.request().url()).pathname.split('/').at(-1) ?? '';
    await route.fulfill({ json: answers[path] });
  });
}

function report(what: string, times: readonly number[], budget: number): void {
  const sorted = [...times].sort((a, b) => a - b);
  const ratio = Number(at(sorted, 0.5)) / budget;
  console.log(
    `${what.padEnd(12)}  median ${at(sorted, 0.5)} ms, best ${at(sorted, 0)} ms, ${ratio.toFixed(2)} of the ${budget} ms it may take`,
  );
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(1);
}
