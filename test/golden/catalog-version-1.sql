-- A catalog as version 1 wrote it (sqlite3 catalog.db .dump), for the migrations that follow. Never edited.
PRAGMA application_id=1282373492;
PRAGMA user_version=1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  last_success_at INTEGER,
  settled_until INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO schedules VALUES('db-prod',0,1772539260000,1772539200000);
INSERT INTO schedules VALUES('files',1,NULL,NULL);
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
INSERT INTO events VALUES(1,1772539200000,'{"name":"run:started","runId":"run-1","schedule":"db-prod"}');
INSERT INTO events VALUES(2,1772539260000,'{"name":"run:finished","runId":"run-1","schedule":"db-prod","type":"database","status":"completed","durationSeconds":60}');
INSERT INTO events VALUES(3,1772539320000,'{"name":"backup:verified","backupId":"backup-1","status":"passed"}');
INSERT INTO events VALUES(4,1772539200000,'{"name":"run:started","runId":"run-2","schedule":"files"}');
INSERT INTO events VALUES(5,1772539260000,'{"name":"run:finished","runId":"run-2","schedule":"files","type":"files","status":"failed","durationSeconds":60}');
INSERT INTO events VALUES(6,1772539200000,'{"name":"backup:pruned","backupId":"backup-0","reason":"older than 30d"}');
INSERT INTO events VALUES(7,1772539200000,'{"name":"run:started","runId":"run-3","schedule":"files"}');
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
INSERT INTO backups VALUES('backup-1','db-prod','database','completed',1772539200000,9000,7144,'key-0000000000aa',1,'{"formatVersion":1,"id":"backup-1","instance":"db-host-1","schedule":"db-prod","type":"database","source":{"type":"postgres","label":"postgres://db1:5432/app"},"runId":"run-of-backup-1","startedAt":"2026-03-03T11:59:00.000Z","createdAt":"2026-03-03T12:00:00.000Z","parts":[{"role":"main","name":"db-prod/backup-1.pgdump.zst.age","format":"pg_custom","sizeBytes":9000,"compressedBytes":3000,"compressedSha256":"0000000000000000000000000000000000000000000000000000000000000000","payloadBytes":3048,"payloadSha256":"1111111111111111111111111111111111111111111111111111111111111111","headerBytes":4096,"headerSha256":"2222222222222222222222222222222222222222222222222222222222222222"}],"keyId":"key-0000000000aa","recipients":["age1sample"],"tools":{"pg_dump":"pg_dump (PostgreSQL) 15.14"},"warnings":[]}');
INSERT INTO backups VALUES('backup-0','db-prod','database','pruned',1772452800000,9000,7144,'key-0000000000bb',0,'{"formatVersion":1,"id":"backup-0","instance":"db-host-1","schedule":"db-prod","type":"database","source":{"type":"postgres","label":"postgres://db1:5432/app"},"runId":"run-of-backup-0","startedAt":"2026-03-02T11:59:00.000Z","createdAt":"2026-03-02T12:00:00.000Z","parts":[{"role":"main","name":"db-prod/backup-0.pgdump.zst.age","format":"pg_custom","sizeBytes":9000,"compressedBytes":3000,"compressedSha256":"0000000000000000000000000000000000000000000000000000000000000000","payloadBytes":3048,"payloadSha256":"1111111111111111111111111111111111111111111111111111111111111111","headerBytes":4096,"headerSha256":"2222222222222222222222222222222222222222222222222222222222222222"}],"keyId":"key-0000000000bb","recipients":["age1sample"],"tools":{"pg_dump":"pg_dump (PostgreSQL) 15.14"},"warnings":[]}');
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
  prune_reason TEXT,
  UNIQUE (backup_id, store),
  CHECK ((verified_at IS NULL) = (verification IS NULL)),
  CHECK ((status = 'pruned') = (pruned_at IS NOT NULL))
) STRICT;
INSERT INTO copies VALUES(1,'backup-1','local','/backups/backup-1','good',NULL,1772539320000,'passed',NULL,NULL);
INSERT INTO copies VALUES(2,'backup-1','offsite','s3://bucket/backup-1','failed','no route to host',NULL,NULL,NULL,NULL);
INSERT INTO copies VALUES(3,'backup-0','local','/backups/backup-0','pruned',NULL,NULL,NULL,1772539200000,'older than 30d');
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
  stored_bytes INTEGER,
  CHECK ((status = 'running') = (finished_at IS NULL)),
  CHECK ((status = 'running') = (finish_sequence IS NULL))
) STRICT;
INSERT INTO runs VALUES(1,'run-1','db-prod','database','schedule','completed','00000000-0000-4000-8000-000000000000',1772539200000,1772539200000,'db-prod/run-1','["local","offsite"]',1772539260000,2,'backup-1',NULL,'["one table was empty"]',9000,7144);
INSERT INTO runs VALUES(2,'run-2','files','files','manual','failed','00000000-0000-4000-8000-000000000000',1772539200000,NULL,'db-prod/run-2','["local","offsite"]',1772539260000,5,NULL,'{"code":"source_unreadable","message":"/srv cannot be read","hint":"Check its permissions."}','[]',NULL,NULL);
INSERT INTO runs VALUES(3,'run-3','files','files','api','running','00000000-0000-4000-8000-000000000000',1772539200000,NULL,'db-prod/run-3','["local","offsite"]',NULL,NULL,NULL,NULL,'[]',NULL,NULL);
CREATE TABLE store_totals (store TEXT PRIMARY KEY, good_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO store_totals VALUES('local',7144);
INSERT INTO store_totals VALUES('offsite',0);
CREATE TABLE type_totals (type TEXT PRIMARY KEY, good_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO type_totals VALUES('database',7144);
CREATE TABLE key_totals (
  key_id TEXT PRIMARY KEY,
  backups INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO key_totals VALUES('key-0000000000aa',1,7144);
INSERT INTO key_totals VALUES('key-0000000000bb',0,0);
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE INDEX backups_by_time ON backups (created_at, id);
CREATE INDEX backups_by_schedule ON backups (schedule, created_at, id);
CREATE INDEX backups_by_status ON backups (status, created_at, id);
CREATE INDEX backups_by_schedule_and_status ON backups (schedule, status, created_at, id);
CREATE INDEX runs_by_schedule ON runs (schedule, number);
CREATE INDEX runs_by_status ON runs (status, number);
CREATE INDEX runs_by_schedule_and_status ON runs (schedule, status, number);
CREATE INDEX runs_judged ON runs (type, finish_sequence) WHERE status IN ('completed', 'failed', 'interrupted');
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
COMMIT;
