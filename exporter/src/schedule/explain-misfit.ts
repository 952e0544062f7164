import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { unplaced } from './placement.ts';
import type { PlanJob } from './planner.ts';
import { makesDo, type Planning } from './planning.ts';

/** Why a job could not be placed as it should be. */
export interface MisfitReason {
  readonly code: 'busy' | 'cramped' | 'late' | 'no_room' | 'still_running';
  readonly text: string;
}

/** `lateMs`: how far behind its deadline it starts; undefined where it does not. */
export function explainMisfit(planning: Planning, index: number, lateMs: number | undefined): MisfitReason {
  const { placement, wanted, now } = planning;
  const job = planning.jobs[index]?.job;
  const turn = planning.turns.get(index);
  if (job !== undefined && turn?.isMissed) return heldUp(job, turn.from);
  if (lateMs !== undefined && makesDo(planning, index)) {
    const late = lateMs > 0 ? `; it starts ${formatDuration(lateMs)} behind its deadline` : '';
    const beside = planning.hasRoomAlone(index) ? ' beside what runs now' : '';
    return { code: 'cramped', text: `${missing(planning, scarcest(planning, index))}${beside}${late}` };
  }
  const latest = Math.max(0, placement.latest[index] ?? 0);
  const place = placement.places[index] ?? unplaced;
  const [first = 0] = wanted[index]?.hosts ?? [];
  const offset = place === unplaced ? first * placement.slots : place - (place % placement.slots);
  const short = placement.shortage(index, offset + latest);
  const isOwn = placement.isOwnTime(short.resource);
  const taken = isOwn
    ? 'other runs of its schedule go on until'
    : `${resourceName(planning.shared, short.resource)} is taken until`;
  if (lateMs !== undefined) {
    const isOverdue = job !== undefined && job.occurrence.deadline < now;
    return {
      code: 'late',
      text: `starts ${formatDuration(lateMs)} behind its deadline: ${isOverdue ? 'that has passed already' : `${taken} its deadline`}`,
    };
  }
  return { code: isOwn ? 'still_running' : 'no_room', text: withoutRoom(job, taken) };
}

/** `over`: when the run before is. */
export function heldUp({ occurrence, durationMs, supersededAt }: PlanJob, over: EpochMs): MisfitReason {
  const { deadline } = occurrence;
  const runs = `runs of ${formatDuration(durationMs)} need more time from one to the next`;
  const text =
    supersededAt !== undefined && over >= supersededAt
      ? `the run before goes on until the next one is due: ${runs}`
      : `the run before goes on until ${formatDuration(over - deadline)} behind its deadline: ${runs}, or a longer max_delay`;
  return { code: 'still_running', text: `it will be missed, for ${text}` };
}

function withoutRoom(job: PlanJob | undefined, taken: string): string {
  if (job?.isSkipped) return `it will be skipped, for there is no room by its deadline: ${taken} then`;
  if (job?.supersededAt === undefined) {
    return `no room at any time that is planned for: ${taken} its deadline, and on`;
  }
  return `it will be missed, for there is no room before the next one is due: ${taken} its deadline, and on`;
}

/** The subject of what is said of so many in a row. */
export function itAndThoseBehind(count: number): string {
  if (count === 1) return 'it';
  return count === 2 ? 'it and the one behind it' : `it and the ${count - 1} behind it`;
}

interface Scarce {
  readonly resource: number;
  readonly asked: number;
  readonly had: number;
}

/** The resource of which most is missing. */
function scarcest({ placement, wanted }: Planning, index: number): Scarce {
  const [worst = { resource: 0, asked: 0, had: 0 }] = (wanted[index]?.needs ?? [])
    .map((asked, resource): Scarce => ({ resource, asked, had: placement.need(index, resource) }))
    .sort((a, b) => b.asked - b.had - (a.asked - a.had));
  return worst;
}

const own = ['cpu', 'memory'];

export function resourceName(shared: Planning['shared'], resource: number): string {
  return own[resource] ?? shared[resource - own.length]?.name ?? 'what it needs';
}

function missing(planning: Planning, { resource, asked, had }: Scarce): string {
  const name = resourceName(planning.shared, resource);
  const inShares = (digits: number) => (share: number) => `${name} ${share.toFixed(digits)}`;
  // Two that read the same would deny what is said of them.
  const tell = [inShares(2), inShares(3), inShares(4)].find((text) => text(asked) !== text(had));
  return `it asks for ${(tell ?? inShares(2))(asked)}, and in its window the host has at most ${tell?.(had) ?? 'a little less'} free`;
}
