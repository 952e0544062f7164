/**
 * Backups that another tool keeps have no copies in stores and no key (`key_id` is empty): what becomes of each is told here,
 * and counts as its one copy. When the room of a repository was last given back is on file with its schedule.
 */
export const snapshots = `
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

ALTER TABLE schedules ADD COLUMN reclaimed_at INTEGER;
`;
