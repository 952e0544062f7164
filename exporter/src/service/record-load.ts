import type { Installation } from '../compose.ts';
import { HostMeter } from '../load/host.ts';
import { LoadRecorder } from '../load/recorder.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

/** Takes down how busy this host is. `isWorking`: whether Lowtide itself is. */
export function recordLoad(
  { catalog, clock, config }: Installation,
  log: Logger,
  isWorking: () => boolean,
): LoadRecorder {
  const meter = new HostMeter({ proc: '/proc', pid: process.pid, elapsed: () => performance.now() });
  return new LoadRecorder({
    measure: () => meter.measure(isWorking()),
    history: catalog.load,
    clock,
    intervalMs: config.load.sample_interval,
    onError: (error) => log.warn({ err: describe(error) }, 'the load of this host could not be recorded'),
  });
}
