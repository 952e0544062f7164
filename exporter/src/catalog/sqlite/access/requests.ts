import type { EpochMs } from '../../../units/instant.ts';
import type { ApiRequest, RequestAnswer, RequestClaim } from '../../access.ts';
import type { StateDatabase } from '../database.ts';

export function claimRequest(
  database: StateDatabase,
  request: ApiRequest,
  forgetBefore: EpochMs,
): RequestClaim {
  database.run('DELETE FROM requests WHERE at < ?', forgetBefore);
  const known = database.get(
    'SELECT * FROM requests WHERE caller = ? AND key = ?',
    request.caller,
    request.key,
  );
  if (known === undefined) {
    database.run(
      'INSERT INTO requests (caller, key, fingerprint, owner, at) VALUES (?, ?, ?, ?, ?)',
      request.caller,
      request.key,
      request.fingerprint,
      database.owner.id,
      request.at,
    );
    return { state: 'ours' };
  }
  if (known['fingerprint'] !== request.fingerprint) return { state: 'other' };
  const { status, body } = known;
  if (typeof status === 'number' && typeof body === 'string') {
    return { state: 'answered', answer: { status, body: JSON.parse(body) as unknown } };
  }
  return { state: database.owner.isAlive(String(known['owner'])) ? 'active' : 'lost' };
}

export function answerRequest(
  database: StateDatabase,
  { caller, key }: Pick<ApiRequest, 'caller' | 'key'>,
  { status, body }: RequestAnswer,
): void {
  database.run(
    'UPDATE requests SET status = ?, body = ? WHERE caller = ? AND key = ?',
    status,
    JSON.stringify(body),
    caller,
    key,
  );
}

export function releaseRequest(
  database: StateDatabase,
  { caller, key }: Pick<ApiRequest, 'caller' | 'key'>,
): void {
  database.run('DELETE FROM requests WHERE caller = ? AND key = ? AND status IS NULL', caller, key);
}
