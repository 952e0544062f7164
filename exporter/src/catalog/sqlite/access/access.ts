import type {
  AccessRecords,
  AddedSchedule,
  ApiRequest,
  AuditBody,
  AuditEntry,
  NewToken,
  RequestAnswer,
  RequestClaim,
  StoredToken,
} from '../../access.ts';
import type { StateDatabase } from '../database.ts';
import { appendAudit, auditAfter, auditBefore } from './audit.ts';
import { answerRequest, claimRequest, releaseRequest } from './requests.ts';
import { addToken, listTokens, revokeToken } from './tokens.ts';

/** One method, one transaction, as the catalog itself. */
export class SqliteAccessRecords implements AccessRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  addToken(token: NewToken): StoredToken {
    return this.#database.write(() => addToken(this.#database, token));
  }

  tokens(): readonly StoredToken[] {
    return this.#database.read(() => listTokens(this.#database));
  }

  revokeToken(name: string, at: number): StoredToken {
    return this.#database.write(() => revokeToken(this.#database, name, at));
  }

  claimRequest(request: ApiRequest, forgetBefore: number): RequestClaim {
    return this.#database.write(() => claimRequest(this.#database, request, forgetBefore));
  }

  answerRequest(request: Pick<ApiRequest, 'caller' | 'key'>, answer: RequestAnswer): void {
    this.#database.write(() => answerRequest(this.#database, request, answer));
  }

  releaseRequest(request: Pick<ApiRequest, 'caller' | 'key'>): void {
    this.#database.write(() => releaseRequest(this.#database, request));
  }

  appendAudit(body: AuditBody, at: number): AuditEntry {
    return this.#database.write(() => appendAudit(this.#database, body, at));
  }

  auditAfter(sequence: number, limit: number): readonly AuditEntry[] {
    return this.#database.read(() => auditAfter(this.#database, sequence, limit));
  }

  auditBefore(sequence: number | undefined, limit: number): readonly AuditEntry[] {
    return this.#database.read(() => auditBefore(this.#database, sequence, limit));
  }

  addedSchedules(): readonly AddedSchedule[] {
    const rows = this.#database.read(() => this.#database.all('SELECT * FROM added_schedules ORDER BY id'));
    return rows.map((row) => ({ id: String(row['id']), body: JSON.parse(String(row['body'])) as unknown }));
  }

  putAddedSchedule({ id, body }: AddedSchedule): void {
    this.#database.write(() =>
      this.#database.run(
        'INSERT INTO added_schedules (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2',
        id,
        JSON.stringify(body),
      ),
    );
  }

  removeAddedSchedule(id: string): boolean {
    return this.#database.write(() => this.#database.run('DELETE FROM added_schedules WHERE id = ?', id) > 0);
  }
}
