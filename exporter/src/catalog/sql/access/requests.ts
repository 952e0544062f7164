import type { EpochMs } from '../../../units/instant.ts';
import type { ApiRequest, RequestAnswer, RequestClaim } from '../../access.ts';
import type { Transaction } from '../transaction.ts';

export async function claimRequest(
  tx: Transaction,
  request: ApiRequest,
  forgetBefore: EpochMs,
): Promise<RequestClaim> {
  await tx.run('DELETE FROM requests WHERE at < ?', forgetBefore);
  const known = await tx.get(
    'SELECT * FROM requests WHERE caller = ? AND key = ?',
    request.caller,
    request.key,
  );
  if (known === undefined) {
    await tx.run(
      'INSERT INTO requests (caller, key, fingerprint, owner, at) VALUES (?, ?, ?, ?, ?)',
      request.caller,
      request.key,
      request.fingerprint,
      tx.owner.id,
      request.at,
    );
    return { state: 'ours' };
  }
  if (known['fingerprint'] !== request.fingerprint) return { state: 'other' };
  const { status, body } = known;
  if (typeof status === 'number' && typeof body === 'string') {
    return { state: 'answered', answer: { status, body: JSON.parse(body) as unknown } };
  }
  return { state: (await tx.owner.isAlive(String(known['owner']))) ? 'active' : 'lost' };
}

export async function answerRequest(
  tx: Transaction,
  { caller, key }: Pick<ApiRequest, 'caller' | 'key'>,
  { status, body }: RequestAnswer,
): Promise<void> {
  await tx.run(
    'UPDATE requests SET status = ?, body = ? WHERE caller = ? AND key = ?',
    status,
    JSON.stringify(body),
    caller,
    key,
  );
}

export async function releaseRequest(
  tx: Transaction,
  { caller, key }: Pick<ApiRequest, 'caller' | 'key'>,
): Promise<void> {
  await tx.run('DELETE FROM requests WHERE caller = ? AND key = ? AND status IS NULL', caller, key);
}
