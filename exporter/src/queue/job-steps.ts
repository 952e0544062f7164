import { randomUUID } from 'node:crypto';
import type { Row, Transaction } from '../postgres/postgres.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Engine, Fetched, Queued } from './engine.ts';
import { jobId, jobOf, urgency } from './job-row.ts';
import {
  claimSilent,
  deadlinePassed,
  memoryMs,
  type Claim,
  type HeldUp,
  type Job,
  type Offer,
} from './queue.ts';

// What becomes of single jobs: ledger and engine change together, within the transaction of the caller.

export async function offerAll(
  transaction: Transaction,
  engine: Engine,
  lane: string,
  offers: readonly Offer[],
): Promise<void> {
  const now = engine.now;
  const added: Queued[] = [];
  for (const offer of offers) {
    if (offer.deadline < now - memoryMs) continue;
    const id = jobId(offer);
    const { slot, deadline, priority, attempts } = offer;
    const queued = { id, slot, urgency: urgency(offer) };
    const known = await transaction.get('SELECT * FROM job WHERE id = ?', id);
    if (known !== undefined && known['state'] !== 'waiting' && known['state'] !== 'withdrawn') continue;
    const reason = heldUp(known, offer.heldUpBy);
    await transaction.run(
      `INSERT INTO job (id, lane, schedule, due_at, slot, deadline, priority, urgency, attempts, reason_code, reason_text, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')
       ON CONFLICT (id) DO UPDATE SET slot = excluded.slot, deadline = excluded.deadline, priority = excluded.priority,
         urgency = excluded.urgency, attempts = excluded.attempts, reason_code = excluded.reason_code,
         reason_text = excluded.reason_text, state = excluded.state`,
      ...[id, lane, offer.schedule, offer.dueAt, slot, deadline, priority, queued.urgency, attempts],
      ...[reason?.code ?? null, reason?.text ?? null],
    );
    if (known?.['state'] !== 'waiting') added.push(queued);
    else if (known['slot'] !== slot || known['urgency'] !== queued.urgency) await engine.move(lane, queued);
  }
  await engine.add(lane, added);
}

/** Of these, the ids of those that nobody has, and that may be begun, each with its urgency. */
export async function startable(
  transaction: Transaction,
  { now }: Engine,
  offers: readonly Offer[],
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const offer of offers) {
    const id = jobId(offer);
    const row = await transaction.get(
      `SELECT urgency FROM job WHERE id = ? AND state = 'waiting' AND slot <= ?`,
      id,
      now,
    );
    if (row !== undefined) found.set(id, Number(row['urgency']));
  }
  return found;
}

/** Each of those that may run it has its own. */
function heldUp(known: Row | undefined, by: HeldUp | undefined): Job['reason'] {
  const before = known && jobOf(known).reason;
  if (by === undefined || before?.code === claimSilent || (by.isWeak && before !== undefined)) return before;
  return { code: by.code, text: `one that may run it did not begin it (${by.code})` };
}

/** Of a claim that was released: why, as long as nothing is known that counts more. */
export async function noteWhy(transaction: Transaction, row: Row, claim: Claim, why: HeldUp): Promise<void> {
  const { claimer, attempt, attempts } = claim;
  const cutOff = { code: why.code, text: `${claimer} was cut off during attempt ${attempt} of ${attempts}` };
  const reason = why.code === claimSilent ? cutOff : heldUp(row, why);
  await transaction.run(
    'UPDATE job SET reason_code = ?, reason_text = ? WHERE id = ?',
    ...[reason?.code ?? null, reason?.text ?? null, idOf(row)],
  );
}

/** Undefined where the deadline has passed meanwhile: then it is missed. */
export async function claimOne(
  transaction: Transaction,
  engine: Engine,
  lane: string,
  claimer: string,
  { id, fetched }: Fetched,
): Promise<Claim | undefined> {
  const now = engine.now;
  const token = randomUUID();
  const row = await transaction.get(
    `UPDATE job SET state = 'claimed', token = ?, fetched = ?, claimer = ?, beat_at = ?
     WHERE id = ? AND state = 'waiting' AND deadline > ? RETURNING *`,
    ...[token, fetched, claimer, now, id, now],
  );
  if (row === undefined) {
    await miss(transaction, id, now);
    await engine.remove(lane, [id]);
    return undefined;
  }
  const { owner, schedule, dueAt, slot, deadline, priority, attempts, attempt } = jobOf(row);
  return { owner, schedule, dueAt, slot, deadline, priority, attempts, attempt, claimer, token };
}

/** Undefined where it has changed since it was read. */
export async function judge(
  transaction: Transaction,
  engine: Engine,
  row: Row,
  now: EpochMs,
): Promise<Job | undefined> {
  const { state, attempt, attempts, claimer } = jobOf(row);
  const lane = String(row['lane']);
  const id = idOf(row);
  if (state === 'waiting') {
    const missed = await miss(transaction, id, now);
    if (missed === undefined) return undefined;
    await engine.remove(lane, [id]);
    return jobOf(missed);
  }
  const isLast = attempt >= attempts;
  const silent = await transaction.get(
    `UPDATE job SET state = ?, attempt = ?, token = NULL, reason_code = '${claimSilent}', reason_text = ?, ended_at = ?
     WHERE id = ? AND token = ? AND beat_at = ? RETURNING *`,
    isLast ? 'lost' : 'waiting',
    isLast ? attempt : attempt + 1,
    `${claimer} fell silent during attempt ${attempt} of ${attempts}`,
    isLast ? now : null,
    id,
    row['token'] ?? null,
    row['beat_at'] ?? null,
  );
  if (silent === undefined) return undefined;
  if (isLast) await engine.remove(lane, [id]);
  else await giveBack(engine, lane, row);
  return jobOf(silent);
}

/** What a claim before it has left behind says more than that time went by. */
function miss(transaction: Transaction, id: string, now: EpochMs): Promise<Row | undefined> {
  return transaction.get(
    `UPDATE job SET state = 'missed', ended_at = ?, reason_code = coalesce(reason_code, '${deadlinePassed}'),
       reason_text = CASE WHEN reason_text IS NULL THEN 'nobody claimed it before its deadline'
                          ELSE reason_text || ', and nobody claimed it' || CASE WHEN claimer IS NULL THEN '' ELSE ' again' END
                            || ' before its deadline' END
     WHERE id = ? AND state = 'waiting' AND deadline <= ? RETURNING *`,
    now,
    id,
    now,
  );
}

export function idOf(row: Row): string {
  return String(row['id']);
}

/** False where somebody else has it, or it has ended. Who has claimed it since, and given it back, does nothing for it any more. */
export async function takeBack(
  transaction: Transaction,
  engine: Engine,
  lane: string,
  claim: Claim,
): Promise<boolean> {
  const row = await transaction.get('SELECT * FROM job WHERE id = ?', jobId(claim));
  if (row === undefined) return false;
  const id = idOf(row);
  if (row['token'] !== claim.token) {
    const { state, attempt } = jobOf(row);
    const hasFallenSilent = attempt > claim.attempt;
    if (state !== 'waiting' || !hasFallenSilent) return false;
    await engine.remove(lane, [id]);
    await transaction.run(
      `UPDATE job SET state = 'claimed', token = ?, claimer = ?, attempt = attempt - 1, fetched = ?,
         reason_code = NULL, reason_text = NULL
       WHERE id = ?`,
      ...[claim.token, claim.claimer, notInEngine, id],
    );
  }
  await transaction.run('UPDATE job SET beat_at = ? WHERE id = ?', engine.now, id);
  return true;
}

/** In place of what the engine knows a claim by: it hands out what waits, and not a certain job. */
const notInEngine = 2 ** 31 - 1;

export async function giveBack(engine: Engine, lane: string, row: Row, notBefore?: EpochMs): Promise<void> {
  const id = idOf(row);
  const fetched = Number(row['fetched']);
  const { slot } = jobOf(row);
  if (fetched !== notInEngine) await engine.giveBack(lane, { id, fetched }, notBefore);
  else await engine.add(lane, [{ id, slot: notBefore ?? slot, urgency: Number(row['urgency']) }]);
}
