/** What each run has told of itself, by the order of the runs: the oldest, which go first, lie together. */
export const runLogs = `
CREATE TABLE run_log_lines (
  run INTEGER NOT NULL REFERENCES runs (number),
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('info', 'warn', 'error')),
  message TEXT NOT NULL,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
`;
