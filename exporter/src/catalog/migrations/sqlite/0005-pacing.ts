/**
 * How long runs were stopped for a busy host, the last occurrence of a schedule that was missed and why, and how much work
 * had to wait on this host (NULL where the kernel does not tell).
 */
export const pacing = `
ALTER TABLE runs ADD COLUMN paused_seconds REAL NOT NULL DEFAULT 0 CHECK (paused_seconds >= 0);

ALTER TABLE schedules ADD COLUMN missed_due_at INTEGER;
ALTER TABLE schedules ADD COLUMN missed_at INTEGER;
ALTER TABLE schedules ADD COLUMN missed_reason TEXT;

ALTER TABLE load_records ADD COLUMN cpu_pressure REAL;
ALTER TABLE load_records ADD COLUMN memory_pressure REAL;
ALTER TABLE load_records ADD COLUMN disk_pressure REAL;
`;
