/** Copies that are being made good: by which owner, and when one last was. */
export const healing = `
ALTER TABLE copies ADD COLUMN healing TEXT;
ALTER TABLE copies ADD COLUMN healed_at INTEGER;
CREATE INDEX copies_healing ON copies (number) WHERE healing IS NOT NULL;
`;
