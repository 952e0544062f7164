import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openKeystore } from '../compose.ts';
import type { Clock } from '../clock/clock.ts';
import { writeConfigAndPassphrase } from '../config/init.ts';
import { readConfig } from '../config/read.ts';
import { quickstartConfig } from './config.ts';
import { databaseName, documentsName, ExampleData } from './example-data.ts';

/** Where `npm start` keeps its example, from the current folder. */
const folder = join('data', 'quickstart');

export interface Quickstart extends AsyncDisposable {
  readonly configFile: string;
}

/**
 * An installation to look at: a small shop's database and a folder of documents, which change all the time, and a config
 * that backs them up every few minutes. Made once, and used again by later starts. Disposing stops the changes.
 */
export async function quickstart(clock: Clock): Promise<Quickstart> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const configFile = join(folder, 'lowtide.yaml');
  const data = await ExampleData.open(folder);
  if (!(await exists(configFile))) await writeConfigAndPassphrase(folder, quickstartConfig);
  const { config } = await readConfig(configFile, {});
  const keystore = openKeystore(config);
  // Not on the making of the config alone: a start that was cut off may have left one without a key.
  if ((await keystore.list()).length === 0) await keystore.create({ kind: 'x25519', now: clock.now() });
  const stop = new AbortController();
  const changing = data.changeUntil(stop.signal, clock);
  return {
    configFile,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await changing;
    },
  };
}

/** What a newcomer sees once all is up. */
export function quickstartGuide(address: string, configFile: string): string {
  const lowtide = 'npm run -s lowtide --';
  return `
Lowtide is running: http://${address}/

  It backs up ${join(folder, databaseName)} every minute, and ${join(folder, documentsName)} every two: made-up data that
  changes all the time. Each backup is compressed, encrypted, stored, read back, and counted. Within two minutes:

  curl -s http://${address}/metrics | grep -E '^backup_(total|verification|last_success)'
  ${lowtide} backups --config ${configFile}
  ${lowtide} restore BACKUP --to /tmp/restored --config ${configFile}

  In Prometheus:  scrape_configs: [{ job_name: backups, static_configs: [{ targets: ['${address}'] }] }]
                  alerts: provisioning/prometheus/rules
  In Grafana:     import dashboards/overview.json, and the others beside it
                  all of it, step by step: http://${address}/docs/own-stack.md

  Your own data:  ${lowtide} init --source FOLDER
                  edit lowtide.yaml, stop this one (Ctrl-C), then: npm start

`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
