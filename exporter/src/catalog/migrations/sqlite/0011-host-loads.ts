/** The load of other hosts, averaged over steps of five minutes; NULL where it is unknown. */
export const hostLoads = `
CREATE TABLE host_load_records (
  host TEXT NOT NULL,
  at INTEGER NOT NULL,
  cpu REAL,
  memory REAL,
  disk REAL,
  PRIMARY KEY (host, at)
) STRICT, WITHOUT ROWID;
`;
