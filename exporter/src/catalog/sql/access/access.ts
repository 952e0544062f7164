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
import type { StateDatabase } from '../transaction.ts';
import { appendAudit, auditAfter, auditBefore } from './audit.ts';
import { answerRequest, claimRequest, releaseRequest } from './requests.ts';
import { addToken, listTokens, revokeToken } from './tokens.ts';

/** One method, one transaction, as the catalog itself. */
export class SqlAccessRecords implements AccessRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async addToken(token: NewToken): Promise<StoredToken> {
    return await this.#database.write((tx) => addToken(tx, token));
  }

  async tokens(): Promise<readonly StoredToken[]> {
    return await this.#database.read((tx) => listTokens(tx));
  }

  async revokeToken(name: string, at: number): Promise<StoredToken> {
    return await this.#database.write((tx) => revokeToken(tx, name, at));
  }

  async claimRequest(request: ApiRequest, forgetBefore: number): Promise<RequestClaim> {
    return await this.#database.write((tx) => claimRequest(tx, request, forgetBefore));
  }

  async answerRequest(request: Pick<ApiRequest, 'caller' | 'key'>, answer: RequestAnswer): Promise<void> {
    await this.#database.write((tx) => answerRequest(tx, request, answer));
  }

  async releaseRequest(request: Pick<ApiRequest, 'caller' | 'key'>): Promise<void> {
    await this.#database.write((tx) => releaseRequest(tx, request));
  }

  async appendAudit(body: AuditBody, at: number): Promise<AuditEntry> {
    return await this.#database.write((tx) => appendAudit(tx, body, at));
  }

  async auditAfter(sequence: number, limit: number): Promise<readonly AuditEntry[]> {
    return await this.#database.read((tx) => auditAfter(tx, sequence, limit));
  }

  async auditBefore(sequence: number | undefined, limit: number): Promise<readonly AuditEntry[]> {
    return await this.#database.read((tx) => auditBefore(tx, sequence, limit));
  }

  async addedSchedules(): Promise<readonly AddedSchedule[]> {
    const rows = await this.#database.read((tx) => tx.all('SELECT * FROM added_schedules ORDER BY id'));
    return rows.map((row) => ({ id: String(row['id']), body: JSON.parse(String(row['body'])) as unknown }));
  }

  async putAddedSchedule({ id, body }: AddedSchedule): Promise<void> {
    await this.#database.write((tx) =>
      tx.run(
        'INSERT INTO added_schedules (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body',
        id,
        JSON.stringify(body),
      ),
    );
  }

  async removeAddedSchedule(id: string): Promise<boolean> {
    return await this.#database.write(
      async (tx) => (await tx.run('DELETE FROM added_schedules WHERE id = ?', id)) > 0,
    );
  }
}
