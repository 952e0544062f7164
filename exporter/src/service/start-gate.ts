import type { Config } from '../config/schema.ts';
import { heldByAlert, type AlertWatch } from '../load/alerts.ts';
import { tooBusy } from '../load/gate.ts';
import type { HostWatch } from '../load/host-watch.ts';
import { highWaterOf } from '../load/of-host.ts';
import type { LoadRecorder } from '../load/recorder.ts';
import type { SchedulerOptions } from './scheduler.ts';
import type { Tide } from './tide.ts';

export interface StartGateOptions {
  readonly load: Config['load'];
  readonly recorder: Pick<LoadRecorder, 'latest'>;
  readonly hosts: Pick<HostWatch, 'latest'>;
  readonly alerts: Pick<AlertWatch, 'firing'>;
  readonly tide: Pick<Tide, 'lowestExpected'>;
  /** Whether the state is away. */
  readonly isCutOff: () => boolean;
}

/**
 * Why a backup has to wait: the state is away and it is not critical, this host is busy, or the one whose load counts for it, or an alert fires.
 */
export function startGate({
  load,
  recorder,
  hosts,
  alerts,
  tide,
  isCutOff,
}: StartGateOptions): NonNullable<SchedulerOptions['gate']> {
  return ({ schedule }, times) => {
    // What others may run as well, they do.
    const isOursAlone = schedule.pool === undefined;
    if (isCutOff() && !(schedule.priority === 'critical' && isOursAlone)) return 'cut_off';
    const { host, on_deadline: onDeadline } = schedule;
    const here = tooBusy(recorder.latest(), load.high_water, times, onDeadline, (resource) =>
      tide.lowestExpected(resource, times.now, times.deadline),
    );
    if (here !== undefined) return here;
    const there =
      host === undefined
        ? undefined
        : tooBusy(hosts.latest(host), highWaterOf(load, host), times, onDeadline, (resource) =>
            tide.lowestExpected(resource, times.now, times.deadline, host),
          );
    if (there !== undefined) return `host_${there}`;
    return heldByAlert(alerts.firing(), schedule, times) ? 'alert' : undefined;
  };
}
