import type { Migration } from '../postgres/migrate.ts';

/** What all hosts share. */
export const fleetSchema = 'lowtide';

/**
 * Leases are renewed all the time: their rows are small, and leave room in their pages so that an update stays in the page and
 * touches no index. A token never goes back: the row stays when nobody holds the lease.
 */
const initial = `
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  token BIGINT NOT NULL,
  holder TEXT,
  renewed_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.5);

CREATE TABLE hosts (
  instance TEXT PRIMARY KEY,
  details TEXT NOT NULL,
  entered_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE facts (
  instance TEXT PRIMARY KEY REFERENCES hosts (instance) ON DELETE CASCADE,
  revision BIGINT NOT NULL,
  format INTEGER NOT NULL,
  facts TEXT NOT NULL
);

CREATE TABLE views (
  instance TEXT PRIMARY KEY REFERENCES hosts (instance) ON DELETE CASCADE,
  format INTEGER NOT NULL,
  summary TEXT NOT NULL,
  schedules TEXT NOT NULL
);

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  instance TEXT NOT NULL REFERENCES hosts (instance) ON DELETE CASCADE,
  asked_at TIMESTAMPTZ NOT NULL,
  request TEXT NOT NULL,
  token BIGINT,
  answer TEXT
);
CREATE INDEX requests_waiting ON requests (instance) WHERE token IS NULL;
CREATE INDEX requests_by_time ON requests (asked_at);

CREATE TABLE plan (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version BIGINT NOT NULL,
  token BIGINT NOT NULL,
  made_at TIMESTAMPTZ NOT NULL
);
INSERT INTO plan VALUES (1, 0, 0, now());

CREATE TABLE plan_slots (
  instance TEXT PRIMARY KEY,
  slots TEXT NOT NULL
);
`;

const withCampaigns = `
CREATE TABLE campaigns (
  id TEXT PRIMARY KEY,
  asked_at TIMESTAMPTZ NOT NULL,
  campaign TEXT NOT NULL
);
CREATE INDEX campaigns_by_time ON campaigns (asked_at, id);

CREATE TABLE campaign_tasks (
  campaign TEXT NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
  instance TEXT NOT NULL,
  rotation_id TEXT,
  state TEXT NOT NULL,
  report TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (campaign, instance)
);
CREATE INDEX campaign_tasks_open ON campaign_tasks (instance) WHERE state IN ('waiting', 'running');
`;

/** An older Lowtide does not look there, and goes on with its task. */
const withCancelledCampaigns = `
ALTER TABLE campaigns ADD COLUMN cancelled TEXT;
`;

/** An older Lowtide takes none, and heeds none: its runs are known to the plan alone. */
const withWays = `
CREATE TABLE ways_taken (
  instance TEXT NOT NULL REFERENCES hosts (instance) ON DELETE CASCADE,
  token BIGINT NOT NULL,
  run TEXT NOT NULL,
  use TEXT NOT NULL,
  PRIMARY KEY (instance, run)
);
`;

/** Those that have found no room. */
const withWaits = `
CREATE TABLE ways_awaited (
  instance TEXT NOT NULL REFERENCES hosts (instance) ON DELETE CASCADE,
  run TEXT NOT NULL,
  use TEXT NOT NULL,
  urgency INTEGER NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  asked_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (instance, run)
);
`;

export const fleetMigrations: readonly Migration[] = [
  { sql: initial, readableFrom: 1 },
  { sql: withCampaigns, readableFrom: 1 },
  { sql: withCancelledCampaigns, readableFrom: 1 },
  { sql: withWays, readableFrom: 1 },
  { sql: withWaits, readableFrom: 1 },
];
