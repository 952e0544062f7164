import { createHash } from 'node:crypto';
import type { Row } from '../postgres/postgres.ts';
import type { Job, JobState, Occurrence, Offer, Owner } from './queue.ts';

/** The name under which an owner's jobs are queued. */
export function laneOf(owner: Owner): string {
  return 'host' in owner ? `host/${owner.host}` : `pool/${owner.pool}`;
}

function ownerOf(lane: string): Owner {
  const name = lane.slice('host/'.length);
  return lane.startsWith('host/') ? { host: name } : { pool: name };
}

/** The same occurrence has the same id, whoever offers it: a UUID (version 8, RFC 9562), as pg-boss wants one. */
export function jobId({ owner, schedule, dueAt }: Occurrence): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([laneOf(owner), schedule, dueAt]))
    .digest();
  hash.writeUInt8(0x80 | (hash.readUInt8(6) & 0x0f), 6);
  hash.writeUInt8(0x80 | (hash.readUInt8(8) & 0x3f), 8);
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Priority and deadline as one number of 32 bits, since pg-boss sorts by one: minutes fit into a priority until 2920. */
export function urgency({ priority, deadline }: Offer): number {
  return priority * 500_000_000 - Math.floor(deadline / 60_000);
}

export function jobOf(row: Row): Job {
  const reason = row['reason_code'] ?? null;
  return {
    owner: ownerOf(String(row['lane'])),
    schedule: String(row['schedule']),
    dueAt: Number(row['due_at']),
    slot: Number(row['slot']),
    deadline: Number(row['deadline']),
    priority: Number(row['priority']),
    attempts: Number(row['attempts']),
    state: String(row['state']) as JobState,
    attempt: Number(row['attempt']),
    claimer: optional(row['claimer'], String),
    reason: reason === null ? undefined : { code: String(reason), text: String(row['reason_text']) },
    endedAt: optional(row['ended_at'], Number),
  };
}

function optional<T>(value: Row[string] | undefined, read: (value: unknown) => T): T | undefined {
  return value === null || value === undefined ? undefined : read(value);
}
