import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../exporter/src/config/read.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';

const yearly = 'cron: "0 0 1 1 *", stores: [local], keep: { last: 3 }, verify: { after_backup: false }';
/** Large enough that a verification of it cannot be over within a round trip. */
const schedules = `  - { id: large, source: { type: command, argv: [head, -c, 96M, /dev/urandom] }, ${yearly} }
  - { id: small, source: { type: command, argv: [echo, x] }, ${yearly} }
  - { id: endless, source: { type: command, argv: [bash, -c, 'echo begun; exec sleep 600'] }, ${yearly} }`;

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-restart-'));
  const file = writeConfig(folder, schedules, {
    more: `${tokens}\nrestore_targets: { back: { to: FOLDER/back }, other: { to: FOLDER/other } }`,
  });
  await makeKey((await readConfig(file, {})).config);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const idOf = ({ body }: { readonly body: Record<string, unknown> }, key = 'id'): string => String(body[key]);

/** Of requests with a key of their own. */
function answersOnRecord(): unknown {
  using database = new DatabaseSync(join(folder, 'state', 'catalog.db'), { readOnly: true });
  return database.prepare('SELECT count(*) AS n FROM requests WHERE status IS NOT NULL').get()?.['n'];
}

describe('what was begun through the API, over a restart', () => {
  it('is told as it ended, and what a kill has cut off as interrupted', async () => {
    const first = await ServeProcess.start(folder);
    await using _first = first;
    const [large, small] = [
      idOf(await first.post('/schedules/large/run?wait=true'), 'backupId'),
      idOf(await first.post('/schedules/small/run?wait=true'), 'backupId'),
    ];
    const verified = await first.post(`/backups/${small}/verify?wait=true`);
    expect(verified.body).toMatchObject({ kind: 'verification', status: 'completed' });
    const restored = await first.post(`/backups/${small}/restore?wait=true`, { body: { target: 'back' } });
    expect(restored.body).toMatchObject({ kind: 'restore', status: 'completed', store: 'local' });
    const failed = await first.post(`/backups/${small}/restore?wait=true`, { body: { target: 'back' } });
    expect(failed.body).toMatchObject({ status: 'failed', error: { code: 'restore_target_exists' } });
    const cut = [
      idOf(await first.post('/schedules/endless/run')),
      idOf(await first.post(`/backups/${large}/verify`)),
      idOf(await first.post(`/backups/${large}/restore`, { body: { target: 'other' } })),
    ];
    await first.kill();

    const second = await ServeProcess.start(folder);
    await using _second = second;
    for (const whole of [verified, restored, failed]) {
      expect((await second.call(`/runs/${idOf(whole)}`)).body).toEqual(whole.body);
    }
    for (const [index, kind] of ['backup', 'verification', 'restore'].entries()) {
      const { status, body } = await second.call(`/runs/${String(cut[index])}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        kind,
        status: 'interrupted',
        finishedAt: expect.any(String) as string,
        error: { code: 'interrupted' },
      });
      expect(body['progress']).toBeUndefined();
      const late = await second.post(`/runs/${String(cut[index])}/cancel`);
      expect(late.body).toMatchObject({ status: 409, code: 'run_ended' });
    }
    expect(second.log).toContain('a restore was cut off when its process ended');
    expect((await second.post(`/backups/${large}/verify?wait=true`)).body).toMatchObject({
      status: 'completed',
    });
  });

  it('is answered by what has become of it to whoever asks again with its key, and is in the audit log', async () => {
    const first = await ServeProcess.start(folder);
    await using _first = first;
    const small = idOf(await first.post('/schedules/small/run?wait=true'), 'backupId');
    const asked = (at: ServeProcess, path: string, body?: unknown): ReturnType<ServeProcess['post']> =>
      at.post(`${path}?wait=true`, { headers: { 'idempotency-key': path }, body });
    const restored = await asked(first, `/backups/${small}/restore`, { target: 'back' });
    expect(restored.body).toMatchObject({ status: 'completed' });
    const lost = asked(first, '/schedules/endless/run').catch(() => 'lost');
    await eventually(() => expect(answersOnRecord()).toBe(2));
    await first.kill();
    expect(await lost).toBe('lost');

    const second = await ServeProcess.start(folder);
    await using _second = second;
    const again = await asked(second, '/schedules/endless/run');
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toMatchObject({ schedule: 'endless', status: 'interrupted' });
    expect((await asked(second, `/backups/${small}/restore`, { target: 'back' })).body).toEqual(
      restored.body,
    );
    const { items } = (await second.call('/audit?limit=3')).body as { items: Record<string, unknown>[] };
    expect(items.map(({ actor, action, result, detail }) => [actor, action, result, detail])).toEqual([
      ['admin', 'schedule.run', 'started', idOf(again)],
      ['admin', 'backup.restore', 'done', 'back'],
      ['admin', 'backup.restore', 'started', 'back'],
    ]);
  });
});
