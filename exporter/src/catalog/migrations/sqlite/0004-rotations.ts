/**
 * Copies of one backup may be sealed to different keys while a rotation goes on, and for longer where a store refuses. Only
 * what differs is on file: NULL means as the row in `backups` says, which at least one copy that is there agrees with.
 */
export const rotations = `
ALTER TABLE copies ADD COLUMN manifest TEXT CHECK (json_valid(manifest));
ALTER TABLE copies ADD COLUMN key_id TEXT;
ALTER TABLE copies ADD COLUMN next_manifest TEXT CHECK (json_valid(next_manifest));
CREATE INDEX copies_sealed_otherwise ON copies (key_id, backup_id) WHERE key_id IS NOT NULL;
CREATE INDEX copies_unsettled ON copies (number) WHERE next_manifest IS NOT NULL;

CREATE TABLE rotations (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  mode TEXT NOT NULL CHECK (mode IN ('rotate', 'rewrap', 'reencrypt')),
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'interrupted')),
  owner TEXT NOT NULL,
  started_by TEXT NOT NULL CHECK (started_by IN ('manual', 'policy', 'api')),
  by_whom TEXT,
  days_back REAL,
  from_keys TEXT CHECK (json_valid(from_keys)),
  key_id TEXT,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  error TEXT CHECK (json_valid(error)),
  CHECK ((status = 'running') = (finished_at IS NULL))
) STRICT;
CREATE INDEX rotations_running ON rotations (number) WHERE status = 'running';

CREATE TABLE rotation_backups (
  rotation INTEGER NOT NULL REFERENCES rotations (number),
  number INTEGER NOT NULL,
  backup_id TEXT NOT NULL REFERENCES backups (id),
  bytes INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'skipped', 'failed')),
  reason TEXT,
  PRIMARY KEY (rotation, number),
  UNIQUE (rotation, backup_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rotation_backups_by_status ON rotation_backups (rotation, status, number, bytes);
`;
