/**
 * Every way in which Lowtide says no. One row a code: the exit code of the CLI, the status of the API and the
 * `error_type` label of `backup_errors_total` come from here and from nowhere else. Codes are public: they are
 * never renamed, and `docs/errors.md` explains each (a test holds both to the same set).
 */
export interface CodeFacts {
  /** What the CLI exits with: 1 the operation failed, 2 wrong usage or configuration. */
  readonly exit: 1 | 2;
  readonly http: number;
  /** Few values, since it is a metric label. */
  readonly errorType:
    'config' | 'source' | 'store' | 'encryption' | 'catalog' | 'verification' | 'restore' | 'internal';
}

const facts = <T extends Record<string, CodeFacts>>(table: T): T => table;

export const errorCodes = facts({
  usage: { exit: 2, http: 400, errorType: 'config' },
  config_missing: { exit: 2, http: 500, errorType: 'config' },
  config_invalid: { exit: 2, http: 422, errorType: 'config' },
  config_exists: { exit: 2, http: 409, errorType: 'config' },
  not_found: { exit: 2, http: 404, errorType: 'config' },
  listen_failed: { exit: 1, http: 500, errorType: 'config' },

  unauthenticated: { exit: 1, http: 401, errorType: 'config' },
  forbidden: { exit: 1, http: 403, errorType: 'config' },
  rate_limited: { exit: 1, http: 429, errorType: 'config' },
  too_many_clients: { exit: 1, http: 503, errorType: 'config' },
  stopping: { exit: 1, http: 503, errorType: 'config' },
  read_only: { exit: 1, http: 409, errorType: 'config' },
  request_reused: { exit: 2, http: 422, errorType: 'config' },
  request_active: { exit: 1, http: 409, errorType: 'config' },
  outcome_unknown: { exit: 1, http: 409, errorType: 'config' },
  skips_used: { exit: 1, http: 409, errorType: 'config' },
  token_exists: { exit: 1, http: 409, errorType: 'config' },
  audit_broken: { exit: 1, http: 500, errorType: 'catalog' },

  tool_missing: { exit: 1, http: 500, errorType: 'source' },
  source_unreachable: { exit: 1, http: 502, errorType: 'source' },
  source_failed: { exit: 1, http: 502, errorType: 'source' },
  source_empty: { exit: 1, http: 502, errorType: 'source' },
  source_unreadable: { exit: 1, http: 502, errorType: 'source' },

  store_unavailable: { exit: 1, http: 502, errorType: 'store' },
  store_denied: { exit: 1, http: 502, errorType: 'store' },
  store_locked: { exit: 1, http: 409, errorType: 'store' },
  store_full: { exit: 1, http: 507, errorType: 'store' },
  store_missing_object: { exit: 1, http: 404, errorType: 'store' },
  store_damaged: { exit: 1, http: 502, errorType: 'store' },
  store_exists: { exit: 1, http: 409, errorType: 'store' },

  repository_missing: { exit: 1, http: 502, errorType: 'store' },
  repository_denied: { exit: 1, http: 502, errorType: 'store' },
  repository_locked: { exit: 1, http: 409, errorType: 'store' },

  header_invalid: { exit: 1, http: 422, errorType: 'encryption' },
  payload_invalid: { exit: 1, http: 422, errorType: 'encryption' },
  no_identity_match: { exit: 1, http: 422, errorType: 'encryption' },
  recipient_invalid: { exit: 2, http: 422, errorType: 'encryption' },
  key_missing: { exit: 1, http: 500, errorType: 'encryption' },
  key_exists: { exit: 1, http: 409, errorType: 'encryption' },
  key_in_use: { exit: 1, http: 409, errorType: 'encryption' },
  keystore_locked: { exit: 1, http: 500, errorType: 'encryption' },
  keystore_invalid: { exit: 1, http: 500, errorType: 'encryption' },
  keystore_unavailable: { exit: 1, http: 500, errorType: 'encryption' },
  identity_invalid: { exit: 2, http: 422, errorType: 'encryption' },
  output_exists: { exit: 1, http: 409, errorType: 'config' },
  output_failed: { exit: 1, http: 500, errorType: 'config' },

  state_busy: { exit: 1, http: 409, errorType: 'catalog' },
  state_invalid: { exit: 1, http: 500, errorType: 'catalog' },
  state_denied: { exit: 1, http: 500, errorType: 'catalog' },
  state_full: { exit: 1, http: 507, errorType: 'catalog' },
  state_exists: { exit: 1, http: 409, errorType: 'catalog' },
  state_unavailable: { exit: 1, http: 503, errorType: 'catalog' },
  state_unknown: { exit: 1, http: 503, errorType: 'catalog' },
  lease_lost: { exit: 1, http: 409, errorType: 'catalog' },
  host_alive: { exit: 1, http: 409, errorType: 'catalog' },
  host_unreadable: { exit: 1, http: 502, errorType: 'catalog' },
  instance_taken: { exit: 1, http: 409, errorType: 'config' },
  host_silent: { exit: 1, http: 503, errorType: 'internal' },
  claim_lost: { exit: 1, http: 409, errorType: 'catalog' },
  run_active: { exit: 1, http: 409, errorType: 'catalog' },
  run_ended: { exit: 1, http: 409, errorType: 'catalog' },
  rotation_active: { exit: 1, http: 409, errorType: 'encryption' },
  rotation_ended: { exit: 1, http: 409, errorType: 'encryption' },
  manifest_invalid: { exit: 1, http: 422, errorType: 'catalog' },

  verification_failed: { exit: 1, http: 422, errorType: 'verification' },
  restore_target_exists: { exit: 1, http: 409, errorType: 'restore' },
  restore_failed: { exit: 1, http: 502, errorType: 'restore' },
  tool_owned: { exit: 2, http: 409, errorType: 'restore' },
  drill_failed: { exit: 1, http: 422, errorType: 'restore' },

  alerts_unavailable: { exit: 1, http: 502, errorType: 'internal' },
  load_unknown: { exit: 1, http: 409, errorType: 'internal' },
  history_unavailable: { exit: 1, http: 502, errorType: 'internal' },
  compression_failed: { exit: 1, http: 500, errorType: 'internal' },
  cancelled: { exit: 1, http: 409, errorType: 'internal' },
  interrupted: { exit: 1, http: 500, errorType: 'internal' },
  internal: { exit: 1, http: 500, errorType: 'internal' },
});

export type ErrorCode = keyof typeof errorCodes;
