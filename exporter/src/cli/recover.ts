import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { rebuildCatalog, type RebuildResult } from '../catalog/rebuild.ts';
import { systemClock } from '../clock/system.ts';
import { openInstallation, openKeystore, type Installation } from '../compose.ts';
import { openStore } from '../compose/stores.ts';
import { randomSecret, writeRecoveredFiles } from '../config/init.ts';
import { readConfig, type LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parseIdentity } from '../keys/identity-file.ts';
import type { Key, Keystore } from '../keys/keystore.ts';
import type { ConfigCopy } from '../recovery/config-copy.ts';
import { findConfigCopy } from '../recovery/find-copy.ts';
import { recoverConfig, type RecoveredConfig } from '../recovery/recovered-config.ts';
import { parseStoreLocation, type StoreLocation } from '../recovery/store-location.ts';
import { recipientOf } from '../seal/identity.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { readIdentityFile } from './keys.ts';

/**
 * `lowtide init --recover STORE --identity FILE [FOLDER]`: begins anew with what a store and a recovery key hold: the config, its
 * schedules, and a catalog of all backups; over nothing that exists.
 */
export async function recover(
  context: CommandContext,
  folder: string,
  options: { readonly recover: string; readonly identity?: string },
): Promise<ExitCode> {
  const { terminal, output } = context;
  if (options.identity === undefined) {
    throw new LowtideError('usage', '--recover needs --identity FILE', {
      hint: 'The recovery key, as age-keygen wrote it; or a key that `lowtide keys export` wrote.',
    });
  }
  const identity = parseIdentity(await readIdentityFile(options.identity), options.identity);
  const location = parseStoreLocation(options.recover);
  const copy = await findConfigCopy(
    openStore('recovery', location.config, terminal.env),
    identity,
    terminal.signal,
  );
  output.note(`Found the config of ${copy.instance}, as it was at ${copy.savedAt}.`);
  const recovered = recoveredOf(copy, location, folder, context);
  const configFile = await writeRecoveredFiles(folder, recovered.text, recovered.files);
  const loaded = await readRecovered(configFile, recovered, context);
  const key = await fillKeystore(openKeystore(loaded.config), identity, loaded);
  await using installation = await openInstallation(loaded, terminal.env);
  await bringBack(installation, copy);
  const result = await rebuildCatalog(installation.catalog, installation.stores, {
    signal: terminal.signal,
    onProgress: ({ store, done, total }) => {
      if (done % 1000 === 0) output.note(`store ${store}: ${done} of ${total} manifests read`);
    },
  });
  await noteAudit(installation, { action: 'init.recover', subject: copy.instance, detail: copy.savedAt });
  return answer({ configFile, copy, recovered, key, result }, context);
}

function recoveredOf(
  copy: ConfigCopy,
  { written }: StoreLocation,
  folder: string,
  { terminal }: CommandContext,
): RecoveredConfig {
  return recoverConfig(copy, {
    folder: resolve(folder),
    has: ({ kind, name }) =>
      kind === 'env' ? (terminal.env[name] ?? '') !== '' : existsSync(resolve(folder, name)),
    store: written,
    newSecret: randomSecret,
  });
}

/** What is missing keeps the config from being read, and the rest is there all the same: the remedy is to supply it. */
async function readRecovered(
  configFile: string,
  { missing }: RecoveredConfig,
  { terminal }: CommandContext,
): Promise<LoadedConfig> {
  try {
    return await readConfig(configFile, terminal.env);
  } catch (thrown) {
    const { code, message } = LowtideError.from(thrown);
    const names = missing.map(({ kind, name }) => `\${${kind}:${name}}`).join(', ');
    const supply = missing.length === 0 ? 'Correct it' : `Supply ${names}`;
    throw new LowtideError(
      code,
      `the config was recovered to ${configFile}, and cannot be used yet: ${message}`,
      {
        hint: `${supply}; then lowtide keys import FILE --purpose recovery, lowtide keys new, and lowtide catalog rebuild.`,
        cause: thrown,
      },
    );
  }
}

/** A recovery key goes back into its safe, so new backups get a key of their own; any other is the one that they had. */
async function fillKeystore(keystore: Keystore, identity: string, { config }: LoadedConfig): Promise<Key> {
  const now = systemClock.now();
  const isRecovery = config.encryption.recovery_recipients.includes(await recipientOf(identity));
  const purpose = isRecovery ? 'recovery' : 'backup';
  const key = await keystore.import(identity, { origin: 'imported', purpose, now });
  return isRecovery ? await keystore.create({ kind: kindOf(key), now }) : key;
}

function kindOf({ recipient }: Key): 'x25519' | 'hybrid' {
  return recipient.startsWith('age1pq1') ? 'hybrid' : 'x25519';
}

async function bringBack({ catalog }: Installation, copy: ConfigCopy): Promise<void> {
  for (const { id, body } of copy.addedSchedules) await catalog.access.putAddedSchedule({ id, body });
  for (const id of copy.pausedSchedules) await catalog.setPaused(id, true);
}

interface Recovery {
  readonly configFile: string;
  readonly copy: ConfigCopy;
  readonly recovered: RecoveredConfig;
  readonly key: Key;
  readonly result: RebuildResult;
}

function answer(
  { configFile, copy, recovered, key, result }: Recovery,
  { output }: CommandContext,
): ExitCode {
  const shown = relative(process.cwd(), configFile) || configFile;
  const at = shown === 'lowtide.yaml' ? '' : ` --config ${shown}`;
  const problems = result.problems.map(({ store, name, error }) => ({
    store,
    ...(name !== undefined && { name }),
    code: error.code,
    message: error.message,
  }));
  output.answer(
    {
      configFile,
      instance: copy.instance,
      savedAt: copy.savedAt,
      keyId: key.id,
      files: recovered.files.map(({ path }) => path),
      good: result.good,
      damaged: result.damaged,
      problems,
    },
    [
      `Recovered ${shown} of ${copy.instance}, and ${result.good} good copies of backups (${result.damaged} damaged). New backups are sealed to ${key.id}.`,
      ...recovered.files.map(({ path }) => `  wrote ${path}`),
      '',
      `  lowtide backups${at}                     lists what is there`,
      `  lowtide restore ID --to TARGET${at}      brings one back`,
      `  lowtide serve${at}                       goes on with the schedules; not before the old host is off`,
    ].join('\n'),
  );
  for (const { store, name, message } of problems) {
    output.note(`problem with ${name === undefined ? `store ${store}` : `${name} in ${store}`}: ${message}`);
  }
  return problems.length > 0 ? exitCodes.partly : exitCodes.done;
}
