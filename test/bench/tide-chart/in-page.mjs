/* global document, performance, requestAnimationFrame, setTimeout, KeyboardEvent */

const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
const lanesOf = () => document.querySelector('[role="application"]');

/** From the click on “Chart” until it is painted. */
export async function draw() {
  const [chart, table] = document.querySelectorAll('input[type="radio"]');
  const times = [];
  for (let turn = 0; turn < 20; turn += 1) {
    table.click();
    await painted();
    await pause();
    const begun = performance.now();
    chart.click();
    await painted();
    times.push(performance.now() - begun);
  }
  return times;
}

/** From the key until the other time is painted: everything is laid out anew. */
export async function zoom() {
  const times = [];
  for (let turn = 0; turn < 20; turn += 1) {
    const begun = performance.now();
    const key = turn % 2 === 0 ? '+' : '-';
    lanesOf().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await painted();
    times.push(performance.now() - begun);
    await pause();
  }
  return times;
}

/** Through all lanes, forty pixels a frame: how long each frame takes. */
export async function scroll() {
  const lanes = lanesOf();
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  while (lanes.scrollTop + lanes.clientHeight < lanes.scrollHeight - 1) {
    lanes.scrollTop += 40;
    const next = await new Promise(requestAnimationFrame);
    frames.push(next - last);
    last = next;
  }
  return frames;
}
