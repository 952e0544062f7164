import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { makeKey, writeConfig, type ConfigParts } from './installation.ts';
import type { PostgresServer } from './postgres.ts';
import { ServeProcess } from './serve-process.ts';
import { tokens } from './service.ts';

/** A machine that runs tests is busy. */
const calm = 'load: { high_water: { cpu: 1, memory: 1, disk: 1, pressure: { cpu: 1, memory: 1, disk: 1 } } }';

/** Due every four minutes, the last time within this minute: the next one does not come in the midst of a test. */
export function everyFourMinutes(): string {
  return `cron: '${new Date().getUTCMinutes() % 4}-59/4 * * * *', timezone: UTC`;
}

/** One of several hosts on one PostgreSQL, with a folder, a key and an exporter of its own. */
export class FleetHost {
  readonly instance: string;
  readonly folder: string;
  readonly #server: PostgresServer;

  private constructor(server: PostgresServer, folder: string, instance: string) {
    this.#server = server;
    this.folder = folder;
    this.instance = instance;
  }

  /** `schedules`: as of `writeConfig`, with `FOLDER` for the host's own; it has a folder `docs` to back up. */
  static async make(
    server: PostgresServer,
    folder: string,
    instance: string,
    schedules: string,
    { pools = [], more = '', ...parts }: ConfigParts & { readonly pools?: readonly string[] } = {},
  ): Promise<FleetHost> {
    const configFile = writeConfig(folder, schedules, {
      instance,
      state: server.url(),
      more: [tokens, calm, `pools: [${pools.join(', ')}]`, more].join('\n'),
      ...parts,
    });
    mkdirSync(join(folder, 'docs'));
    writeFileSync(join(folder, 'docs', 'a.txt'), instance);
    const { config } = await readConfig(configFile, {});
    await makeKey(config);
    return new FleetHost(server, folder, instance);
  }

  /** Has the last occurrence of the schedule be due, up to when the next one is. Its service does not run. */
  async owe(schedule: string): Promise<void> {
    await using catalog = await this.catalog();
    await catalog.settle(schedule, Date.now() - 86_400_000);
  }

  /** `clockAheadSeconds`: how far the clock of this host is ahead of all others. */
  serve(clockAheadSeconds = 0): Promise<ServeProcess> {
    if (clockAheadSeconds === 0) return ServeProcess.startQuick(this.folder);
    const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
    const sign = clockAheadSeconds < 0 ? '' : '+';
    return ServeProcess.startQuick(this.folder, {
      ...process.env,
      LD_PRELOAD: library,
      FAKETIME: `${sign}${clockAheadSeconds}s`,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
  }

  /** Its state, as one more of its processes; closing it is the caller's. */
  async catalog(): Promise<Catalog> {
    const { config } = await readConfig(join(this.folder, 'lowtide.yaml'), {});
    const postgres = openPostgres(config.state, { applicationName: 'lowtide test' });
    const assertOurs = (): Promise<void> => Promise.resolve();
    return await openPostgresCatalog(postgres, {
      instance: this.instance,
      folder: config.local,
      assertOurs,
    });
  }

  /** `status due_at` of each run that was for an occurrence, in their order. */
  runs(): readonly string[] {
    const rows = this.#server.query(
      `SELECT status || ' ' || due_at FROM ${schemaOf(this.instance)}.runs WHERE due_at IS NOT NULL ORDER BY number`,
    );
    return rows === '' ? [] : rows.split('\n');
  }

  /** `state due_at attempt` of each job of its own in the queue, in the order they were due. */
  jobs(): readonly string[] {
    const rows = this.#server.query(
      `SELECT state || ' ' || due_at || ' ' || attempt FROM lowtide_jobs.job WHERE lane = 'host/${this.instance}' ORDER BY due_at`,
    );
    return rows === '' ? [] : rows.split('\n');
  }
}
