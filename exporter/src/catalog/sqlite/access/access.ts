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

  async addToken(token: NewToken): Promise<StoredToken> {
    return this.#database.write(() => addToken(this.#database, token));
  }

  async tokens(): Promise<readonly StoredToken[]> {
    return this.#database.read(() => listTokens(this.#database));
  }

  async revokeToken(name: string, at: number): Promise<StoredToken> {
    return this.#database.write(() => revokeToken(this.#database, name, at));
  }

  async claimRequest(request: ApiRequest, forgetBefore: number): Promise<RequestClaim> {
    return this.#database.write(() => claimRequest(this.#database, request, forgetBefore));
  }

  async answerRequest(request: Pick<ApiRequest, 'caller' | 'key'>, answer: RequestAnswer): Promise<void> {
    this.#database.write(() => answerRequest(this.#database, request, answer));
  }

  async releaseRequest(request: Pick<ApiRequest, 'caller' | 'key'>): Promise<void> {
    this.#database.write(() => releaseRequest(this.#database, request));
  }

  async appendAudit(body: AuditBody, at: number): Promise<AuditEntry> {
    return this.#database.write(() => appendAudit(this.#database, body, at));
  }

  async auditAfter(sequence: number, limit: number): Promise<readonly AuditEntry[]> {
    return this.#database.read(() => auditAfter(this.#database, sequence, limit));
  }

  async auditBefore(sequence: number | undefined, limit: number): Promise<readonly AuditEntry[]> {
    return this.#database.read(() => auditBefore(this.#database, sequence, limit));
  }

  async addedSchedules(): Promise<readonly AddedSchedule[]> {
    const rows = this.#database.read(() => this.#database.all('SELECT * FROM added_schedules ORDER BY id'));
    return rows.map((row) => ({ id: String(row['id']), body: JSON.parse(String(row['body'])) as unknown }));
  }

  async putAddedSchedule({ id, body }: AddedSchedule): Promise<void> {
    this.#database.write(() =>
      this.#database.run(
        'INSERT INTO added_schedules (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2',
        id,
        JSON.stringify(body),
      ),
    );
  }

  async removeAddedSchedule(id: string): Promise<boolean> {
    return this.#database.write(() => this.#database.run('DELETE FROM added_schedules WHERE id = ?', id) > 0);
  }
}
