import type { Config } from '../config/schema.ts';
import { resources, type Resource } from './load.ts';
import type { HighWater } from './past-load.ts';
import type { HostPressure, Pressure } from './pressure.ts';
import { risenMark, worthWaiting, type GateTimes } from '../schedule/high-water.ts';

/** What is measured now; what is not known is NaN, or absent. */
export interface LiveLoad extends Readonly<Record<Resource, number>> {
  readonly pressure?: HostPressure;
}

export type { GateTimes } from '../schedule/high-water.ts';

/** Above what a host counts as busy; without those of pressure, that holds up nothing. */
export type Marks = HighWater & { readonly pressure?: Config['load']['high_water']['pressure'] };

/** Why a run has to wait: which resource is too busy, or for which of them too much work waits already. */
export type Hold = Resource | `${Resource}_pressure`;

/** The lowest load of a resource that is expected up to the deadline; undefined where nothing can be told. */
export type LowestExpected = (resource: Resource) => number | undefined;

/**
 * Whether the host is too busy for a run to start now; undefined where it is not. A run that starts at its deadline in any
 * case grows less patient: above the high-water marks it waits as long as all of its time is left; they rise as that goes,
 * and at the deadline there are none. Nor does it wait for a load that is expected to stay as it is: on a host that is always
 * full that would make every backup late, and gain nothing. One that is skipped at its deadline (`on_deadline`) waits for the
 * marks as they are, to the end and at the deadline too. What is not known holds up nothing.
 */
export function tooBusy(
  load: LiveLoad | undefined,
  highWater: Marks,
  times: GateTimes,
  onDeadline: 'run' | 'skip',
  lowestExpected: LowestExpected = () => undefined,
): Hold | undefined {
  if (load === undefined || (onDeadline === 'run' && times.now >= times.deadline)) return undefined;
  const isUrgent = onDeadline === 'run';
  const stays = (resource: Resource): boolean =>
    isUrgent && (lowestExpected(resource) ?? -Infinity) > load[resource] - worthWaiting;
  const holds = (resource: Resource, share: number, mark: number): boolean =>
    share > (isUrgent ? risenMark(mark, times) : mark) && !stays(resource);
  const busy = resources.find((resource) => holds(resource, load[resource], highWater[resource]));
  if (busy !== undefined) return busy;
  const waiting = resources.find((resource) =>
    holds(resource, stalledOf(load.pressure?.[resource]), highWater.pressure?.[resource] ?? 1),
  );
  return waiting && `${waiting}_pressure`;
}

/**
 * Work that has just begun to crowd a host, as at the full hour, stands in the last minute after two only. What is left of the kernel's
 * averages is for people: `full` is never above `some`, and on an idle host it is all that its only program waits for; the last five
 * minutes go on telling of what is over.
 */
function stalledOf(pressure: Pressure | undefined): number {
  return pressure === undefined ? NaN : Math.max(pressure.some.avg10, pressure.some.avg60);
}

/** The reason as part of a sentence. */
export const holdTexts: Readonly<Record<Hold, string>> = {
  cpu: 'the processors are above load.high_water',
  memory: 'the memory is above load.high_water',
  disk: 'the disk is above load.high_water',
  cpu_pressure: 'too much work waits for the processors',
  memory_pressure: 'too much work waits for memory',
  disk_pressure: 'too much work waits for the disk',
};
