/**
 * Verifications and restores that were asked for through the API; how many copies are sealed to each key, and how far each
 * rotation has come, which follow their tables by triggers as the other totals do; when the backups of a schedule were last proven; and how quickly a rotation may go.
 */
export const work = `
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

CREATE INDEX backups_by_key ON backups (key_id, created_at, id);
CREATE INDEX backups_by_key_and_status ON backups (key_id, status, created_at, id);

CREATE TABLE key_copies (key_id TEXT PRIMARY KEY, copies INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO key_copies (key_id, copies)
  SELECT coalesce(copies.key_id, backups.key_id), count(*)
  FROM copies JOIN backups ON backups.id = copies.backup_id
  WHERE copies.status IN ('good', 'damaged')
  GROUP BY 1;

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

-- A backup is given another key only once each copy that is there has its own: nothing is to be counted then.
CREATE TABLE rotation_totals (
  rotation INTEGER NOT NULL REFERENCES rotations (number),
  status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'skipped', 'failed')),
  backups INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (rotation, status)
) STRICT, WITHOUT ROWID;
INSERT INTO rotation_totals (rotation, status, backups, bytes)
  SELECT rotation, status, count(*), sum(bytes) FROM rotation_backups GROUP BY rotation, status;

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

ALTER TABLE rotations ADD COLUMN at_low_tide INTEGER NOT NULL DEFAULT 0 CHECK (at_low_tide IN (0, 1));
ALTER TABLE rotations ADD COLUMN bytes_per_second INTEGER;
ALTER TABLE rotations ADD COLUMN left_backups INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rotations ADD COLUMN left_bytes INTEGER NOT NULL DEFAULT 0;

ALTER TABLE schedules ADD COLUMN verified_at INTEGER;
ALTER TABLE schedules ADD COLUMN restored_at INTEGER;
INSERT INTO schedules (id, verified_at)
  SELECT backups.schedule, max(copies.verified_at)
  FROM copies JOIN backups ON backups.id = copies.backup_id
  WHERE copies.verification = 'passed'
  GROUP BY 1
  ON CONFLICT (id) DO UPDATE SET verified_at = excluded.verified_at;
INSERT INTO schedules (id, restored_at)
  SELECT backups.schedule, max(events.at)
  FROM events JOIN backups ON backups.id = events.body ->> 'backupId'
  WHERE events.body ->> 'name' = 'backup:restored' AND events.body ->> 'status' = 'completed'
  GROUP BY 1
  ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at;
`;
