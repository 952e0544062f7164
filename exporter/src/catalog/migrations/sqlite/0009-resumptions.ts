/** When a rotation was last resumed; NULL for one that went through in one go, whose times tell how quickly it went. */
export const resumptions = `
ALTER TABLE rotations ADD COLUMN resumed_at INTEGER;
`;
