import { expect, it } from 'vitest';
import { firstHash, verifyChain } from '../../exporter/src/catalog/audit-chain.ts';
import type { ApiRequest, AuditBody, NewToken } from '../../exporter/src/catalog/access.ts';
import { refuses, type Given } from './catalog-given.ts';
import { noon } from './catalog-samples.ts';

const newToken = (name: string, more: Partial<NewToken> = {}): NewToken => ({
  name,
  role: 'operator',
  hash: name.padEnd(64, '0'),
  createdAt: noon,
  ...more,
});
const request: ApiRequest = { caller: 'grafana', key: 'k1', fingerprint: 'POST /runs', at: noon };
const entry: AuditBody = { actor: 'grafana', from: '127.0.0.1', action: 'run', result: 'started' };

/** What every catalog keeps for the API. */
export function catalogAccess(given: Given): void {
  it('keeps tokens, and gives a name again once its token is revoked or has expired', async () => {
    const { access } = given.catalog;
    await access.addToken(newToken('a', { expiresAt: noon + 1000 }));
    await access.addToken(newToken('b'));
    await refuses('token_exists', () => access.addToken(newToken('b', { hash: 'c'.repeat(64) })));
    await refuses('token_exists', () => access.addToken(newToken('a', { hash: 'd'.repeat(64) })));
    await access.addToken(newToken('a', { hash: 'e'.repeat(64), createdAt: noon + 1000 }));
    expect(await access.revokeToken('b', noon + 5)).toEqual({ ...newToken('b'), revokedAt: noon + 5 });
    expect((await access.revokeToken('b', noon + 9)).revokedAt).toBe(noon + 5);
    await access.addToken(newToken('b', { hash: 'f'.repeat(64) }));
    expect((await access.tokens()).map(({ name, revokedAt }) => [name, revokedAt])).toEqual([
      ['a', noon + 1000],
      ['b', noon + 5],
      ['a', undefined],
      ['b', undefined],
    ]);
    await refuses('not_found', () => access.revokeToken('c', noon));
  });

  it('lets a request be done once, whoever asks, until it is forgotten', async () => {
    const { access } = given.catalog;
    expect(await access.claimRequest(request, 0)).toEqual({ state: 'ours' });
    await using other = await given.open();
    expect(await other.access.claimRequest(request, 0)).toEqual({ state: 'active' });
    expect(await access.claimRequest({ ...request, fingerprint: 'POST /other' }, 0)).toEqual({
      state: 'other',
    });
    expect(await access.claimRequest({ ...request, caller: 'airflow' }, 0)).toEqual({ state: 'ours' });
    const answer = { status: 202, body: { id: 'r1' } };
    await access.answerRequest(request, answer);
    expect(await other.access.claimRequest(request, noon)).toEqual({ state: 'answered', answer });
    expect(await other.access.claimRequest(request, noon + 1)).toEqual({ state: 'ours' });
  });

  it('gives a claim back, but never one that was answered', async () => {
    const { access } = given.catalog;
    await access.claimRequest(request, 0);
    await access.releaseRequest(request);
    expect(await access.claimRequest(request, 0)).toEqual({ state: 'ours' });
    await access.answerRequest(request, { status: 200, body: null });
    await access.releaseRequest(request);
    expect((await access.claimRequest(request, 0)).state).toBe('answered');
  });

  it('says of a request whose process is gone that its outcome is not known', async () => {
    {
      await using gone = await given.open();
      await gone.access.claimRequest(request, 0);
    }
    expect(await given.catalog.access.claimRequest(request, 0)).toEqual({ state: 'lost' });
  });

  it('chains its audit log, whoever writes to it', async () => {
    await using other = await given.open();
    const { access } = given.catalog;
    const [first, second, third] = [
      await access.appendAudit(entry, noon),
      await other.access.appendAudit({ ...entry, subject: 'größe' }, noon - 5),
      await access.appendAudit(entry, noon),
    ];
    expect(await access.auditAfter(0, 10)).toEqual([first, second, third]);
    expect(await access.auditBefore(undefined, 2)).toEqual([third, second]);
    expect(await access.auditBefore(2, 9)).toEqual([first]);
    const read = access.auditAfter.bind(access);
    expect(await verifyChain(read)).toEqual({ entries: 3, head: third.hash });
    expect(await verifyChain(read, second.hash)).toMatchObject({ hasNoted: true });
    expect(await verifyChain(read, 'f'.repeat(64))).toMatchObject({ hasNoted: false });
    expect(await verifyChain(() => Promise.resolve([]))).toEqual({ entries: 0, head: firstHash });
  });

  it('keeps schedules that were added', async () => {
    const { access } = given.catalog;
    await access.putAddedSchedule({ id: 'b', body: { every: '1d' } });
    await access.putAddedSchedule({ id: 'a', body: 1 });
    await access.putAddedSchedule({ id: 'b', body: { every: '2d' } });
    expect(await access.addedSchedules()).toEqual([
      { id: 'a', body: 1 },
      { id: 'b', body: { every: '2d' } },
    ]);
    expect([await access.removeAddedSchedule('a'), await access.removeAddedSchedule('a')]).toEqual([
      true,
      false,
    ]);
  });
}
