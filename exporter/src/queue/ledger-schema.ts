/**
 * What is known of every job: the same in SQLite and PostgreSQL. `fetched` is what the engine needs to know the claim by.
 * `token` is there while the job is claimed, and only then.
 */
const initial = `
CREATE TABLE job (
  id TEXT NOT NULL PRIMARY KEY,
  lane TEXT NOT NULL,
  schedule TEXT NOT NULL,
  due_at BIGINT NOT NULL,
  slot BIGINT NOT NULL,
  deadline BIGINT NOT NULL,
  priority INTEGER NOT NULL,
  urgency INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'claimed', 'finished', 'missed', 'lost', 'withdrawn')),
  attempt INTEGER NOT NULL DEFAULT 1,
  token TEXT CHECK ((token IS NOT NULL) = (state = 'claimed')),
  fetched INTEGER,
  claimer TEXT,
  beat_at BIGINT,
  reason_code TEXT,
  reason_text TEXT,
  ended_at BIGINT,
  reported INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_waiting ON job (lane, urgency) WHERE state = 'waiting';
CREATE INDEX job_lane ON job (lane, slot);
CREATE INDEX job_open ON job (lane) WHERE state IN ('waiting', 'claimed');
CREATE INDEX job_deadline ON job (deadline) WHERE state = 'waiting';
CREATE INDEX job_beat ON job (beat_at) WHERE state = 'claimed';
CREATE INDEX job_unreported ON job (lane) WHERE reported = 0 AND state IN ('missed', 'lost');
`;

/** How far a pool's schedule has come, each of its hosts asks with every beat. */
const withTaken = `
CREATE INDEX job_taken ON job (lane, schedule, due_at) WHERE state IN ('claimed', 'finished', 'missed', 'lost');
`;

/** And when it was last done well: where all has failed for weeks, that is not found by looking at all of it. */
const withCompleted = `
CREATE INDEX job_completed ON job (lane, schedule, due_at) WHERE state = 'finished' AND reason_code = 'completed';
`;

/** Each leads from one version of the ledger to the next. */
export const ledgerSteps: readonly string[] = [initial, withTaken, withCompleted];
