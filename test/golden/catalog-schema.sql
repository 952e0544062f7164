-- user_version 15

CREATE TABLE added_schedules (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  hash TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TABLE background_runs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('verification', 'restore')),
  backup_id TEXT NOT NULL REFERENCES backups (id),
  target TEXT,
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'interrupted')),
  owner TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  copies TEXT CHECK (json_valid(copies)),
  store TEXT,
  error TEXT CHECK (json_valid(error)),
  warnings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings)),
  CHECK ((kind = 'restore') = (target IS NOT NULL)),
  CHECK ((status = 'running') = (finished_at IS NULL))
) STRICT;

CREATE INDEX background_runs_running ON background_runs (number) WHERE status = 'running';

CREATE TABLE backups (
  id TEXT PRIMARY KEY,
  schedule TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('database', 'files', 'command')),
  status TEXT NOT NULL CHECK (status IN ('completed', 'pruned')),
  created_at INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  good_copies INTEGER NOT NULL DEFAULT 0,
  manifest TEXT NOT NULL CHECK (json_valid(manifest))
) STRICT;

CREATE INDEX backups_by_key ON backups (key_id, created_at, id);

CREATE INDEX backups_by_key_and_status ON backups (key_id, status, created_at, id);

CREATE INDEX backups_by_schedule ON backups (schedule, created_at, id);

CREATE INDEX backups_by_schedule_and_status ON backups (schedule, status, created_at, id);

CREATE INDEX backups_by_status ON backups (status, created_at, id);

CREATE INDEX backups_by_time ON backups (created_at, id);

CREATE TRIGGER backups_counted AFTER INSERT ON backups
BEGIN
  INSERT INTO type_totals (type, good_bytes) VALUES (NEW.type, 0) ON CONFLICT DO NOTHING;
  INSERT INTO key_totals (key_id, backups, bytes) VALUES (NEW.key_id, 0, 0) ON CONFLICT DO NOTHING;
  UPDATE key_totals
    SET backups = backups + (NEW.status = 'completed'),
        bytes = bytes + (NEW.status = 'completed') * NEW.stored_bytes
    WHERE key_id = NEW.key_id;
END;

CREATE TRIGGER backups_recounted AFTER UPDATE OF status, key_id, stored_bytes, good_copies ON backups
BEGIN
  UPDATE type_totals
    SET good_bytes = good_bytes
      + (NEW.good_copies > 0) * NEW.stored_bytes - (OLD.good_copies > 0) * OLD.stored_bytes
    WHERE type = NEW.type;
  UPDATE store_totals
    SET good_bytes = good_bytes + NEW.stored_bytes - OLD.stored_bytes
    WHERE NEW.stored_bytes <> OLD.stored_bytes
      AND store IN (SELECT store FROM copies WHERE backup_id = NEW.id AND status = 'good');
  UPDATE key_totals
    SET backups = backups - (OLD.status = 'completed'),
        bytes = bytes - (OLD.status = 'completed') * OLD.stored_bytes
    WHERE key_id = OLD.key_id;
  INSERT INTO key_totals (key_id, backups, bytes) VALUES (NEW.key_id, 0, 0) ON CONFLICT DO NOTHING;
  UPDATE key_totals
    SET backups = backups + (NEW.status = 'completed'),
        bytes = bytes + (NEW.status = 'completed') * NEW.stored_bytes
    WHERE key_id = NEW.key_id;
END;

CREATE TABLE copies (
  number INTEGER PRIMARY KEY,
  backup_id TEXT NOT NULL REFERENCES backups (id),
  store TEXT NOT NULL,
  path TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('good', 'failed', 'damaged', 'pruned')),
  error TEXT,
  verified_at INTEGER,
  verification TEXT CHECK (verification IN ('passed', 'failed')),
  pruned_at INTEGER,
  prune_reason TEXT, manifest TEXT CHECK (json_valid(manifest)), key_id TEXT, next_manifest TEXT CHECK (json_valid(next_manifest)), healing TEXT, healed_at INTEGER, read_at INTEGER,
  UNIQUE (backup_id, store),
  CHECK ((verified_at IS NULL) = (verification IS NULL)),
  CHECK ((status = 'pruned') = (pruned_at IS NOT NULL))
) STRICT;

CREATE INDEX copies_healing ON copies (number) WHERE healing IS NOT NULL;

CREATE INDEX copies_sealed_otherwise ON copies (key_id, backup_id) WHERE key_id IS NOT NULL;

CREATE INDEX copies_unsettled ON copies (number) WHERE next_manifest IS NOT NULL;

CREATE TRIGGER copies_counted AFTER INSERT ON copies
BEGIN
  INSERT INTO store_totals (store, good_bytes) VALUES (NEW.store, 0) ON CONFLICT DO NOTHING;
  UPDATE store_totals
    SET good_bytes = good_bytes
      + (NEW.status = 'good') * (SELECT stored_bytes FROM backups WHERE id = NEW.backup_id)
    WHERE store = NEW.store;
  UPDATE backups SET good_copies = good_copies + (NEW.status = 'good') WHERE id = NEW.backup_id;
END;

CREATE TRIGGER copies_recounted AFTER UPDATE OF status ON copies
BEGIN
  UPDATE store_totals
    SET good_bytes = good_bytes
      + ((NEW.status = 'good') - (OLD.status = 'good'))
      * (SELECT stored_bytes FROM backups WHERE id = NEW.backup_id)
    WHERE store = NEW.store;
  UPDATE backups
    SET good_copies = good_copies + (NEW.status = 'good') - (OLD.status = 'good')
    WHERE id = NEW.backup_id;
END;

CREATE TRIGGER key_copies_counted AFTER INSERT ON copies WHEN NEW.status IN ('good', 'damaged')
BEGIN
  INSERT INTO key_copies (key_id, copies)
    SELECT coalesce(NEW.key_id, key_id), 1 FROM backups WHERE id = NEW.backup_id
    ON CONFLICT (key_id) DO UPDATE SET copies = copies + 1;
END;

CREATE TRIGGER key_copies_recounted AFTER UPDATE OF status, key_id ON copies
BEGIN
  UPDATE key_copies
    SET copies = copies - 1
    WHERE OLD.status IN ('good', 'damaged')
      AND key_id = coalesce(OLD.key_id, (SELECT backups.key_id FROM backups WHERE id = OLD.backup_id));
  INSERT INTO key_copies (key_id, copies)
    SELECT coalesce(NEW.key_id, key_id), 1
    FROM backups WHERE id = NEW.backup_id AND NEW.status IN ('good', 'damaged')
    ON CONFLICT (key_id) DO UPDATE SET copies = copies + 1;
END;

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

CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TABLE host_load_records (
  host TEXT NOT NULL,
  at INTEGER NOT NULL,
  cpu REAL,
  memory REAL,
  disk REAL,
  PRIMARY KEY (host, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_copies (key_id TEXT PRIMARY KEY, copies INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE key_totals (
  key_id TEXT PRIMARY KEY,
  backups INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE load_records (
  step TEXT NOT NULL CHECK (step IN ('fine', 'coarse')),
  at INTEGER NOT NULL,
  cpu REAL,
  memory REAL,
  disk REAL, cpu_pressure REAL, memory_pressure REAL, disk_pressure REAL, bytes_read REAL, bytes_written REAL, bytes_received REAL, bytes_sent REAL,
  PRIMARY KEY (step, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  owner TEXT NOT NULL,
  at INTEGER NOT NULL,
  status INTEGER,
  body TEXT CHECK (json_valid(body)),
  PRIMARY KEY (caller, key),
  CHECK ((status IS NULL) = (body IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (at);

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

CREATE TRIGGER rotation_backups_counted AFTER INSERT ON rotation_backups
BEGIN
  INSERT INTO rotation_totals (rotation, status, backups, bytes) VALUES (NEW.rotation, NEW.status, 1, NEW.bytes)
    ON CONFLICT (rotation, status) DO UPDATE SET backups = backups + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER rotation_backups_recounted AFTER UPDATE OF status ON rotation_backups
WHEN NEW.status <> OLD.status
BEGIN
  UPDATE rotation_totals SET backups = backups - 1, bytes = bytes - OLD.bytes
    WHERE rotation = OLD.rotation AND status = OLD.status;
  INSERT INTO rotation_totals (rotation, status, backups, bytes) VALUES (NEW.rotation, NEW.status, 1, NEW.bytes)
    ON CONFLICT (rotation, status) DO UPDATE SET backups = backups + 1, bytes = bytes + excluded.bytes;
END;

CREATE TABLE rotation_totals (
  rotation INTEGER NOT NULL REFERENCES rotations (number),
  status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'skipped', 'failed')),
  backups INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (rotation, status)
) STRICT, WITHOUT ROWID;

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
  error TEXT CHECK (json_valid(error)), at_low_tide INTEGER NOT NULL DEFAULT 0 CHECK (at_low_tide IN (0, 1)), bytes_per_second INTEGER, left_backups INTEGER NOT NULL DEFAULT 0, left_bytes INTEGER NOT NULL DEFAULT 0, resumed_at INTEGER,
  CHECK ((status = 'running') = (finished_at IS NULL))
) STRICT;

CREATE INDEX rotations_running ON rotations (number) WHERE status = 'running';

CREATE TABLE run_log_lines (
  run INTEGER NOT NULL REFERENCES runs (number),
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('info', 'warn', 'error')),
  message TEXT NOT NULL,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_reviews (
  run INTEGER PRIMARY KEY REFERENCES runs (number),
  schedule TEXT NOT NULL,
  is_final INTEGER NOT NULL DEFAULT 0 CHECK (is_final IN (0, 1)),
  cpu REAL,
  memory REAL,
  unusual TEXT CHECK (json_valid(unusual)),
  load TEXT CHECK (json_valid(load)),
  CHECK ((cpu IS NULL) = (memory IS NULL)),
  CHECK (is_final = 0 OR unusual IS NOT NULL)
) STRICT;

CREATE INDEX run_reviews_measured ON run_reviews (schedule, run) WHERE cpu IS NOT NULL;

CREATE INDEX run_reviews_open ON run_reviews (run) WHERE is_final = 0;

CREATE TABLE runs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  schedule TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('database', 'files', 'command')),
  started_by TEXT NOT NULL CHECK (started_by IN ('schedule', 'manual', 'api')),
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'interrupted')),
  owner TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  due_at INTEGER,
  object_prefix TEXT NOT NULL,
  stores TEXT NOT NULL CHECK (json_valid(stores)),
  finished_at INTEGER,
  finish_sequence INTEGER REFERENCES events (sequence),
  backup_id TEXT REFERENCES backups (id),
  error TEXT CHECK (json_valid(error)),
  warnings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings)),
  size_bytes INTEGER,
  stored_bytes INTEGER, paused_seconds REAL NOT NULL DEFAULT 0 CHECK (paused_seconds >= 0),
  CHECK ((status = 'running') = (finished_at IS NULL)),
  CHECK ((status = 'running') = (finish_sequence IS NULL))
) STRICT;

CREATE INDEX runs_by_schedule ON runs (schedule, number);

CREATE INDEX runs_by_schedule_and_status ON runs (schedule, status, number);

CREATE INDEX runs_by_status ON runs (status, number);

CREATE INDEX runs_judged ON runs (type, finish_sequence) WHERE status IN ('completed', 'failed', 'interrupted');

CREATE TRIGGER runs_to_review AFTER UPDATE OF status ON runs WHEN NEW.status = 'completed'
BEGIN
  INSERT INTO run_reviews (run, schedule) VALUES (NEW.number, NEW.schedule) ON CONFLICT DO NOTHING;
END;

CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  last_success_at INTEGER,
  settled_until INTEGER
, missed_due_at INTEGER, missed_at INTEGER, missed_reason TEXT, reviewed_run INTEGER REFERENCES runs (number), run_load REAL, best_load REAL, fixed_load REAL, verified_at INTEGER, restored_at INTEGER, reclaimed_at INTEGER) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
  backup_id TEXT PRIMARY KEY REFERENCES backups (id),
  status TEXT NOT NULL CHECK (status IN ('good', 'damaged', 'pruned')),
  error TEXT,
  verified_at INTEGER,
  pruned_at INTEGER,
  prune_reason TEXT,
  CHECK ((status = 'pruned') = (pruned_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER snapshots_counted AFTER INSERT ON snapshots
BEGIN
  UPDATE backups SET good_copies = good_copies + (NEW.status = 'good') WHERE id = NEW.backup_id;
END;

CREATE TRIGGER snapshots_recounted AFTER UPDATE OF status ON snapshots
BEGIN
  UPDATE backups
    SET good_copies = good_copies + (NEW.status = 'good') - (OLD.status = 'good')
    WHERE id = NEW.backup_id;
END;

CREATE TABLE store_totals (store TEXT PRIMARY KEY, good_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;

CREATE TABLE type_totals (type TEXT PRIMARY KEY, good_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;

