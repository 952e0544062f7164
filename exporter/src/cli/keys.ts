import { readFile } from 'node:fs/promises';
import { openInstallation, openKeystore, type Installation } from '../compose.ts';
import type { LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { formatRecoveryFile, writeRecoveryFile } from '../keys/export.ts';
import type { Key } from '../keys/keystore.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { keyView, shownTime } from './views.ts';

/** `lowtide keys`: every key and what depends on it. */
export async function listKeys(context: CommandContext): Promise<ExitCode> {
  await using installation = await context.open();
  const { keystore, catalog } = installation;
  const keys = await keystore.list();
  const { backupsByKey, bytesByKey } = catalog.totals();
  const counted = keys.map((key) => ({
    key,
    backups: backupsByKey[key.id] ?? 0,
    bytes: bytesByKey[key.id] ?? 0,
  }));
  const rows = counted.map(({ key, backups, bytes }) => [
    key.id,
    key.state,
    shownTime(key.createdAt),
    String(backups),
    formatSize(bytes),
    key.recipient,
  ]);
  context.output.answer(
    counted.map(({ key, backups, bytes }) => keyView(key, backups, bytes)),
    rows.length === 0
      ? 'There are no keys yet: `lowtide keys new` makes one.'
      : table(['KEY', 'STATE', 'CREATED', 'BACKUPS', 'BYTES', 'RECIPIENT'], rows),
  );
  for (const finding of await keystore.findings()) context.output.note(`warning: ${finding}`);
  return exitCodes.done;
}

/** `lowtide keys new`: new backups are sealed to it from now on. */
export async function newKey(
  context: CommandContext,
  { kind }: { readonly kind: 'x25519' | 'hybrid' },
): Promise<ExitCode> {
  await using installation = await context.open();
  const key = await installation.keystore.create({ kind, now: installation.clock.now() });
  noteAudit(installation, { action: 'key.create', subject: key.id });
  answerKey(
    context,
    installation,
    key,
    `Made ${key.id}. New backups are sealed to it; keep a recovery file of it elsewhere:
  lowtide keys export ${key.id} --output FILE`,
  );
  return exitCodes.done;
}

/** `lowtide keys import FILE`: an identity as age-keygen writes it. */
export async function importKey(context: CommandContext, file: string): Promise<ExitCode> {
  await using installation = await context.open();
  const identity = await readIdentityFile(file);
  const key = await installation.keystore.import(identity, {
    origin: 'imported',
    now: installation.clock.now(),
  });
  noteAudit(installation, { action: 'key.import', subject: key.id });
  answerKey(context, installation, key, `Imported ${key.id}; it is ${key.state}.`);
  return exitCodes.done;
}

/** `lowtide keys retire ID`: refused while a backup needs the key. */
export async function retireKey(context: CommandContext, id: string): Promise<ExitCode> {
  await using installation = await context.open();
  refuseNeeded(installation, id, 'retired');
  const key = await installation.keystore.retire(id);
  noteAudit(installation, { action: 'key.retire', subject: id });
  answerKey(context, installation, key, `${id} is retired: no backup in the catalog needs it any more.`);
  return exitCodes.done;
}

/** `lowtide keys destroy ID --confirm ID`: what is sealed to it and lies outside the catalog is lost for good. */
export async function destroyKey(
  context: CommandContext,
  id: string,
  { confirm }: { readonly confirm?: string },
): Promise<ExitCode> {
  await using installation = await context.open();
  refuseNeeded(installation, id, 'destroyed');
  if (confirm !== id) {
    throw new LowtideError('usage', `destroying ${id} cannot be undone, and is not confirmed`, {
      hint: `Whatever is still sealed to it (snapshots, copies made by hand) will never open again. Then: lowtide keys destroy ${id} --confirm ${id}`,
    });
  }
  const key = await installation.keystore.destroy(id);
  noteAudit(installation, { action: 'key.destroy', subject: id });
  answerKey(context, installation, key, `${id} is destroyed: nothing sealed to it can be opened any more.`);
  return exitCodes.done;
}

/** `lowtide keys export ID --output FILE`: a recovery file, 0600. */
export async function exportKey(
  context: CommandContext,
  id: string,
  { output: file }: { readonly output: string },
): Promise<ExitCode> {
  const loaded = await context.readConfig();
  const keystore = openKeystore(loaded.config);
  const identity = await keystore.identity(id);
  const key = (await keystore.list()).find((each) => each.id === id);
  if (key === undefined) throw new LowtideError('key_missing', `the keystore does not list ${id}`);
  await noteExport(context, loaded, { action: 'key.export', subject: id, detail: file });
  await writeRecoveryFile(file, formatRecoveryFile(key, identity));
  context.output.answer(
    { id, file },
    `Wrote ${file}. Whoever has it reads every backup sealed to ${id}: keep it off this host.`,
  );
  return exitCodes.done;
}

/** Before the file is there. A catalog that is lost must not keep anybody from the keys that bring the backups back. */
async function noteExport(
  { output, terminal }: CommandContext,
  loaded: LoadedConfig,
  entry: Parameters<typeof noteAudit>[1],
): Promise<void> {
  try {
    await using installation = openInstallation(loaded, terminal.env);
    noteAudit(installation, entry);
  } catch (thrown) {
    output.note(`warning: the export is not in the audit log: ${LowtideError.from(thrown).message}`);
  }
}

function refuseNeeded({ catalog }: Installation, id: string, what: 'retired' | 'destroyed'): void {
  const count = catalog.totals().backupsByKey[id] ?? 0;
  if (count === 0) return;
  throw new LowtideError('key_in_use', `${count} backups need ${id}: it cannot be ${what}`, {
    hint: '`lowtide rotate` gives them to another key; or let them be pruned first.',
  });
}

function answerKey(context: CommandContext, { catalog }: Installation, key: Key, text: string): void {
  const { backupsByKey, bytesByKey } = catalog.totals();
  context.output.answer(keyView(key, backupsByKey[key.id] ?? 0, bytesByKey[key.id] ?? 0), text);
}

async function readIdentityFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new LowtideError('usage', `cannot read ${file}: ${LowtideError.from(cause).message}`, { cause });
  }
}
