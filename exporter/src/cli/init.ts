import { hostname } from 'node:os';
import { join, relative } from 'node:path';
import { systemClock } from '../clock/system.ts';
import { openKeystore } from '../compose.ts';
import { writeInitialFiles } from '../config/init.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { readConfig } from '../config/read.ts';
import { fileURLToPath } from 'node:url';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { recover } from './recover.ts';

const schemaFile = fileURLToPath(new URL('../../schema/lowtide.schema.json', import.meta.url));

/** `lowtide init [FOLDER]`: a first config, a passphrase, an API token, and a keystore with its first key; over nothing that exists. */
export async function init(
  context: CommandContext,
  folder: string,
  options: { readonly source?: string; readonly recover?: string; readonly identity?: string },
): Promise<ExitCode> {
  const { recover: from, ...more } = options;
  if (from !== undefined) return await recover(context, folder, { ...more, recover: from });
  if (options.identity !== undefined) throw new LowtideError('usage', '--identity goes with --recover');
  const { configFile, passphraseFile, tokenFile } = await writeInitialFiles(folder, {
    instance: hostname(),
    schema: schemaFile,
    ...(options.source !== undefined && { source: options.source }),
  });
  const { config } = await readConfig(configFile, context.terminal.env);
  const key = await openKeystore(config).create({ kind: 'x25519', now: systemClock.now() });
  const shown = relative(process.cwd(), configFile) || configFile;
  const at = shown === 'lowtide.yaml' ? '' : ` --config ${shown}`;
  const first = config.schedules[0]?.id ?? 'SCHEDULE';
  context.output.answer(
    { configFile, passphraseFile, tokenFile, keystore: config.encryption.keystore, keyId: key.id },
    [
      `Wrote ${shown}, the passphrase of its keystore, a first key (${key.id}), and a token for the API.`,
      '',
      `  lowtide check-config${at}    checks the config after you have edited it`,
      `  lowtide backup ${first}${at}    makes a first backup now`,
      `  lowtide serve${at}           makes them when they are due`,
      '',
      'Without the key nobody opens a backup. Keep a recovery file of it on another machine:',
      `  lowtide keys export ${key.id} --output ${join('..', 'recovery.key')}${at}`,
    ].join('\n'),
  );
  return exitCodes.done;
}
