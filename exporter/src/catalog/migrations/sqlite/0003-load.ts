/** The load of this host, averaged over steps of one minute (fine) and five (coarse); NULL where it is unknown. */
export const load = `
CREATE TABLE load_records (
  step TEXT NOT NULL CHECK (step IN ('fine', 'coarse')),
  at INTEGER NOT NULL,
  cpu REAL,
  memory REAL,
  disk REAL,
  PRIMARY KEY (step, at)
) STRICT, WITHOUT ROWID;
`;
