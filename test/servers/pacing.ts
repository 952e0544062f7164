import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../exporter/src/config/schema.ts';
import { hostGauge } from '../../exporter/src/load/gauge.ts';
import { findLauncher, type Launcher } from '../../exporter/src/process/courtesy.ts';
import { Pacer } from '../../exporter/src/run/pacer.ts';
import type { RunEnvironment } from '../../exporter/src/run/runner.ts';

/** What lets runs make way for the host, with turns that are short enough for a test. */
export function makingWay({ load }: Config, turnMs: number): Pick<RunEnvironment, 'launcher' | 'pacer'> {
  const elapsed = (): number => performance.now();
  let launcher: Promise<Launcher> | undefined;
  return {
    launcher: () => (launcher ??= findLauncher(new AbortController().signal)),
    pacer: new Pacer({
      gauge: hostGauge({ proc: '/proc', pid: process.pid, elapsed }),
      marks: load.slow_down,
      turnMs,
      elapsed,
      sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    }),
  };
}
