import type { EpochMs } from '../units/instant.ts';

/**
 * What the state keeps for the API: tokens, requests that must not be done twice, the audit log, and the schedules made
 * through it. Every method is one transaction, as the catalog's are.
 */
export interface AccessRecords {
  /** Throws `token_exists` while a token of that name is neither revoked nor expired. */
  addToken(token: NewToken): Promise<StoredToken>;
  /** Oldest first, with the revoked and the expired. */
  tokens(): Promise<readonly StoredToken[]>;
  /** From now on the token opens nothing. Throws `not_found`. */
  revokeToken(name: string, at: EpochMs): Promise<StoredToken>;

  /**
   * Claims a request for this process, or tells what became of it. Claims and answers from before `forgetBefore` are
   * forgotten.
   */
  claimRequest(request: ApiRequest, forgetBefore: EpochMs): Promise<RequestClaim>;
  /** Keeps the answer of a request that was claimed. */
  answerRequest(request: Pick<ApiRequest, 'caller' | 'key'>, answer: RequestAnswer): Promise<void>;
  /** Gives a claim back: nothing was done, and the key may be used again. */
  releaseRequest(request: Pick<ApiRequest, 'caller' | 'key'>): Promise<void>;

  appendAudit(body: AuditBody, at: EpochMs): Promise<AuditEntry>;
  /** Entries with a greater sequence, oldest first, at most `limit`. */
  auditAfter(sequence: number, limit: number): Promise<readonly AuditEntry[]>;
  /** The newest entries, or the newest below a sequence, newest first. */
  auditBefore(sequence: number | undefined, limit: number): Promise<readonly AuditEntry[]>;

  /** The schedules made through the API, by id, each as it was written. */
  addedSchedules(): Promise<readonly AddedSchedule[]>;
  /** Adds one, or takes the place of the one with this id. */
  putAddedSchedule(schedule: AddedSchedule): Promise<void>;
  /** Whether there was one. */
  removeAddedSchedule(id: string): Promise<boolean>;
}

export type Role = 'viewer' | 'operator' | 'admin';

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string;
  readonly createdAt: EpochMs;
  /** Absent: it stays valid until it is revoked. */
  readonly expiresAt?: EpochMs;
}

export interface StoredToken extends NewToken {
  readonly revokedAt?: EpochMs;
}

export interface ApiRequest {
  /** The token's name. */
  readonly caller: string;
  /** What the caller has named the request: its `Idempotency-Key`. */
  readonly key: string;
  /** Of method, path and content: the same key for something else is a mistake. */
  readonly fingerprint: string;
  readonly at: EpochMs;
}

export interface RequestAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * `ours`: nobody has done it, and nobody else will. `answered`: it was done. `active`: another request with this key is
 * being worked on. `lost`: its process ended over it, and what came of it is not known. `other`: the key stands for
 * another request.
 */
export type RequestClaim =
  | { readonly state: 'ours' | 'active' | 'lost' | 'other' }
  | { readonly state: 'answered'; readonly answer: RequestAnswer };

/** Who did what, from where, and how it ended. Never a secret. */
export interface AuditBody {
  /** The token's name, `cli`, `policy`, or `none` where nobody was known. */
  readonly actor: string;
  /** The Grafana login that the holder of the token named. */
  readonly grafanaUser?: string;
  /** The address the request came from, or the host for the command line. */
  readonly from: string;
  /** As `run`, `restore`, `token.create`. */
  readonly action: string;
  /** What it was done to: a schedule, a backup, a key. */
  readonly subject?: string;
  readonly result: 'done' | 'started' | 'refused' | 'failed';
  /** Why it was refused or failed. */
  readonly code?: string;
  /** As the name of a restore target, or the id of the run. */
  readonly detail?: string;
}

export interface AuditEntry {
  /** Counts up from 1. */
  readonly sequence: number;
  readonly at: EpochMs;
  readonly body: AuditBody;
  /** `body` as it was written: what the hash was made of. */
  readonly text: string;
  /** In hexadecimal, see `audit-chain.ts`. */
  readonly hash: string;
}

export interface AddedSchedule {
  readonly id: string;
  readonly body: unknown;
}
