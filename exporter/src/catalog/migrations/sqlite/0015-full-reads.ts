/** When a copy was last read in full, in its turn; NULL for one that has not had it yet. */
export const fullReads = `
ALTER TABLE copies ADD COLUMN read_at INTEGER;
`;
