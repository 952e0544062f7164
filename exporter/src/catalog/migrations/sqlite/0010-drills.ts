/** Restore drills. `scratch` names what each has put somewhere; `scratch_left` says that it may still be there. */
export const drills = `
CREATE TABLE drills (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  schedule TEXT NOT NULL,
  backup_id TEXT NOT NULL REFERENCES backups (id),
  started_by TEXT NOT NULL CHECK (started_by IN ('schedule', 'manual', 'api')),
  status TEXT NOT NULL CHECK (status IN ('running', 'passed', 'failed', 'cancelled', 'interrupted')),
  owner TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  data_age_seconds REAL NOT NULL,
  scratch TEXT NOT NULL CHECK (json_valid(scratch)),
  scratch_left INTEGER NOT NULL DEFAULT 1 CHECK (scratch_left IN (0, 1)),
  restore_seconds REAL,
  store TEXT,
  contents TEXT CHECK (json_valid(contents)),
  checks TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(checks)),
  error TEXT CHECK (json_valid(error)),
  warnings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings)),
  CHECK ((status = 'running') = (finished_at IS NULL))
) STRICT;
CREATE INDEX drills_by_schedule ON drills (schedule, number);
CREATE INDEX drills_by_schedule_and_status ON drills (schedule, status, number);
CREATE INDEX drills_running ON drills (number) WHERE status = 'running';
CREATE INDEX drills_with_scratch ON drills (number) WHERE scratch_left = 1;
`;
