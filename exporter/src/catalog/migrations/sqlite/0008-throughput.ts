/** What moved through the disks and the network of this host, in bytes per second; NULL where it is unknown. */
export const throughput = `
ALTER TABLE load_records ADD COLUMN bytes_read REAL;
ALTER TABLE load_records ADD COLUMN bytes_written REAL;
ALTER TABLE load_records ADD COLUMN bytes_received REAL;
ALTER TABLE load_records ADD COLUMN bytes_sent REAL;
`;
