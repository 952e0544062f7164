import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import timers from 'node:timers/promises';

/**
 * Makes a process live at another time, and faster: `node --import .../fast-clock.mjs`. What asks for the time of day is told
 * that of `FAST_CLOCK` (`REAL_MS,SHOWN_MS,SPEED`: at REAL_MS the clock shows SHOWN_MS), and sleeps are as much shorter. Counters
 * of elapsed time, by which load is measured, stay true.
 */
const [realMs, shownMs, speed] = (process.env['FAST_CLOCK'] ?? '').split(',').map(Number);
const RealDate = Date;
const now = () => Math.round(shownMs + (RealDate.now() - realMs) * speed);

globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }

  static now = now;
};
const { setTimeout: sleep } = timers;
timers.setTimeout = (ms, ...more) => sleep(ms / speed, ...more);
syncBuiltinESMExports();
