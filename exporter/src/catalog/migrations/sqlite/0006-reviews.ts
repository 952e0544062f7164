/**
 * What is found out about completed runs after their end, and what the last one of each schedule met. Shares of the host are
 * between 0 and 1. A run gets its row as it completes; those completed before there were reviews have none.
 */
export const reviews = `
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
CREATE INDEX run_reviews_open ON run_reviews (run) WHERE is_final = 0;
CREATE INDEX run_reviews_measured ON run_reviews (schedule, run) WHERE cpu IS NOT NULL;

CREATE TRIGGER runs_to_review AFTER UPDATE OF status ON runs WHEN NEW.status = 'completed'
BEGIN
  INSERT INTO run_reviews (run, schedule) VALUES (NEW.number, NEW.schedule) ON CONFLICT DO NOTHING;
END;

ALTER TABLE schedules ADD COLUMN reviewed_run INTEGER REFERENCES runs (number);
ALTER TABLE schedules ADD COLUMN run_load REAL;
ALTER TABLE schedules ADD COLUMN best_load REAL;
ALTER TABLE schedules ADD COLUMN fixed_load REAL;
`;
