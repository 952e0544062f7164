import { environment } from '../../exporter/src/config/secrets.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { openInstallation } from '../../exporter/src/compose.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { serve } from '../../exporter/src/service/service.ts';

/**
 * `lowtide serve`, but that the hosts hear of each other twice a second: what they decide together comes with beats, and tests of it
 * would wait for little else.
 */
const env = environment();
const loaded = await readConfig('lowtide.yaml', env);
const log = createLog({
  level: 'info',
  format: 'json',
  redact: loaded.redact,
  write: (line) => process.stderr.write(line),
});
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
try {
  await using installation = await openInstallation(loaded, env, { standsIn: true });
  await serve({
    installation,
    listen: ['127.0.0.1:0'],
    log,
    signal: stop.signal,
    graceMs: 5000,
    beatMs: 500,
    reload: {
      read: () => readConfig('lowtide.yaml', env),
      listen: (reload) => process.on('SIGHUP', () => void reload()),
    },
    onReady: (address) => log.info({ address }, 'lowtide is up'),
  });
} catch (thrown) {
  log.error(String(thrown));
  process.exitCode = 1;
}
