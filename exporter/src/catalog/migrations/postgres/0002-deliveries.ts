/**
 * What a host was able to do while PostgreSQL was away, it keeps in a journal at home and delivers afterwards. `entry` is the
 * last one that has arrived: whoever does not know whether a delivery was committed, looks here.
 */
export const deliveries = `
CREATE TABLE deliveries (
  journal TEXT PRIMARY KEY,
  entry TEXT NOT NULL
);
`;
