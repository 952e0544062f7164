import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { eventually } from '../servers/eventually.ts';
import { FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let root: string;
beforeEach(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-silent-'));
});
afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

const waits = `['sh', '-c', 'until [ -e go ]; do sleep 0.05; done; echo done']`;
const slow = `  - { id: slow, source: { type: command, argv: ${waits} }, every: 4m, stores: [local] }`;
const statuses = ({ instance }: FleetHost): string[] =>
  server
    .query(
      `SELECT status || ' ' || coalesce(error::json->>'code', '-') FROM ${schemaOf(instance)}.runs ORDER BY number`,
    )
    .split('\n');

/** As if a minute had gone by without a word of it. */
function silence({ instance }: FleetHost): void {
  server.query(`
    UPDATE lowtide.leases SET expires_at = now() WHERE name IN ('host/${instance}');
    UPDATE ${schemaOf(instance)}.owners SET seen_at = now() - interval '61 seconds';
    UPDATE lowtide_jobs.job SET beat_at = beat_at - 61000 WHERE claimer = '${instance}' AND state = 'claimed'`);
}

describe('a host that falls silent while it makes a backup', () => {
  it('is spoken for by whoever plans: its run counts as interrupted, and its job is given out again', async () => {
    const watching = await FleetHost.make(server, join(root, 'watching'), 'watching', '  []');
    const dying = await FleetHost.make(server, join(root, 'dying'), 'dying', slow);
    await dying.owe('slow');
    await using _ = await watching.serve();
    {
      await using killed = await dying.serve();
      await eventually(() => expect(statuses(dying)).toEqual(['running -']));
      await killed.kill();
    }
    silence(dying);
    await eventually(() => expect(statuses(dying)).toEqual(['interrupted host_silent']));
    await eventually(() =>
      expect(dying.jobs().some((job) => /^(waiting|missed) .* 2$/.test(job))).toBe(true),
    );
    // It is back: it looks at what the run has left, and has the last word.
    writeFileSync(join(dying.folder, 'go'), '');
    await using again = await dying.serve();
    await eventually(() => {
      const [first, ...others] = statuses(dying);
      expect(first).toBe('interrupted interrupted');
      expect(others).toContain('completed -');
    });
    await again.kill();
  });

  it('and comes back to itself, ends its run as it is', async () => {
    const host = await FleetHost.make(server, join(root, 'paused'), 'paused', slow);
    const watching = await FleetHost.make(server, join(root, 'second'), 'second', '  []');
    await host.owe('slow');
    await using paused = await host.serve();
    await eventually(() => expect(statuses(host)).toEqual(['running -']));
    paused.signal('SIGSTOP');
    await using _ = await watching.serve();
    await eventually(() => {
      // A beat that was under way may be written after it, and what it was in the middle of is locked for half a minute.
      silence(host);
      server.query(
        `UPDATE lowtide.leases SET expires_at = now() WHERE name = 'planner' AND holder = 'paused'`,
      );
      expect(statuses(host)).toEqual(['interrupted host_silent']);
    });
    // Somebody has taken it off the list meanwhile.
    server.query(`DELETE FROM lowtide.hosts WHERE instance = 'paused'`);
    writeFileSync(join(host.folder, 'go'), '');
    paused.signal('SIGCONT');
    await eventually(() => expect(statuses(host)[0]).toBe('completed -'));
    const manifests = readdirSync(join(host.folder, 'backups'), { recursive: true }).filter((name) =>
      String(name).endsWith('.json'),
    );
    expect(manifests.length).toBe(statuses(host).filter((status) => status === 'completed -').length);
    await eventually(() =>
      expect(server.query(`SELECT instance FROM lowtide.facts WHERE instance = 'paused'`)).toBe('paused'),
    );
    await paused.kill();
  }, 180_000);
});
