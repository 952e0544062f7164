import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../servers/eventually.ts';
import { FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let root: string;
beforeEach(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-queue-'));
});
afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

const docs = '  - { id: docs, source: { type: directory, path: FOLDER/docs }, every: 4m, stores: [local] }';
const dueOf = (lines: readonly string[], status: string): string[] =>
  lines.filter((line) => line.startsWith(`${status} `)).map((line) => line.split(' ')[1] ?? '');

describe('an occurrence on hosts that share a queue', () => {
  it('is forgotten by whoever plans, two months after it was due', async () => {
    const host = await FleetHost.make(server, join(root, 'db0'), 'db0', docs);
    await host.owe('docs');
    {
      await using made = await host.serve();
      await eventually(() => expect(host.jobs()).toContainEqual(expect.stringMatching(/^finished /)));
      await made.kill();
    }
    const old = Date.now() - 61 * 86_400_000;
    server.query(`
      UPDATE lowtide.leases SET expires_at = now() WHERE name = 'planner';
      INSERT INTO lowtide_jobs.job (id, lane, schedule, due_at, slot, deadline, priority, urgency, attempts, state, ended_at)
      VALUES ('old', 'host/db0', 'docs', ${old}, ${old}, ${old}, 1, 1, 3, 'finished', ${old})`);
    await using service = await host.serve();
    await eventually(() => expect(host.jobs()).not.toContainEqual(expect.stringContaining(String(old))));
    expect(host.jobs()).toContainEqual(expect.stringMatching(/^finished /));
    await service.kill();
  });

  it('is run under a claim of its job, which ends as the run does', async () => {
    const host = await FleetHost.make(server, join(root, 'db1'), 'db1', docs);
    await host.owe('docs');
    await using service = await host.serve();
    await eventually(() => {
      expect(dueOf(host.runs(), 'completed')).not.toEqual([]);
      expect(dueOf(host.jobs(), 'finished')).toEqual(dueOf(host.runs(), 'completed'));
    });
    await service.kill();
  });

  it('is given out again at once when its host was killed and starts again', async () => {
    const waits = `['sh', '-c', 'until [ -e go ]; do sleep 0.05; done; echo done']`;
    const slow = `  - { id: slow, source: { type: command, argv: ${waits} }, every: 4m, stores: [local] }`;
    const host = await FleetHost.make(server, join(root, 'db2'), 'db2', slow);
    await host.owe('slow');
    {
      await using killed = await host.serve();
      await eventually(() => expect(dueOf(host.runs(), 'running')).toHaveLength(1));
      expect(dueOf(host.jobs(), 'claimed')).toEqual(dueOf(host.runs(), 'running'));
      await killed.kill();
    }
    writeFileSync(join(host.folder, 'go'), '');
    const [interrupted] = dueOf(host.runs(), 'running');
    await using again = await host.serve();
    await eventually(() => expect(dueOf(host.runs(), 'completed').length).toBeGreaterThan(0));
    const completed = dueOf(host.runs(), 'completed');
    expect(new Set(completed).size).toBe(completed.length);
    expect(dueOf(host.runs(), 'interrupted')).toEqual([interrupted]);
    await again.kill();
  });

  it('that was done while the queue could not be asked is ended there afterwards', async () => {
    const host = await FleetHost.make(server, join(root, 'db3'), 'db3', docs);
    await host.owe('docs');
    await using first = await host.serve();
    await eventually(() => expect(dueOf(host.runs(), 'completed').length).toBeGreaterThan(0));
    await first.kill();
    server.query(
      `UPDATE lowtide_jobs.job SET state = 'missed', token = NULL, reported = 0 WHERE lane = 'host/db3'`,
    );
    await using again = await host.serve();
    await eventually(() =>
      expect(dueOf(host.jobs(), 'finished')).toEqual(expect.arrayContaining(dueOf(host.runs(), 'completed'))),
    );
    await again.kill();
  });
});
