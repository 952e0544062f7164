import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { keyView } from '../api/views.ts';
import { openInstallation, openKeystore, type Installation } from '../compose.ts';
import type { LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EventBody } from '../events/events.ts';
import { formatRecoveryFile, writeRecoveryFile } from '../keys/export.ts';
import { parseIdentity } from '../keys/identity-file.ts';
import type { Key, KeyPurpose } from '../keys/keystore.ts';
import { recipientOf } from '../seal/identity.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { describeShredding, shreddingOf, shreddingView } from './shredding.ts';
import { shownTime } from './views.ts';

/** `lowtide keys`: every key and what depends on it. */
export async function listKeys(context: CommandContext): Promise<ExitCode> {
  await using installation = await context.open();
  const { keystore, catalog } = installation;
  const keys = await keystore.list();
  const totals = catalog.totals();
  const views = keys.map((key) => keyView(key, totals));
  const rows = views.map(({ id, state, purpose, backups, copies, bytes, recipient }, index) => [
    id,
    state,
    purpose,
    shownTime(keys[index]?.createdAt ?? 0),
    String(backups),
    String(copies),
    formatSize(bytes),
    recipient,
  ]);
  context.output.answer(
    views,
    rows.length === 0
      ? 'There are no keys yet: `lowtide keys new` makes one.'
      : table(['KEY', 'STATE', 'PURPOSE', 'CREATED', 'BACKUPS', 'COPIES', 'BYTES', 'RECIPIENT'], rows),
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
  note(installation, 'created', { action: 'key.create', subject: key.id });
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
export async function importKey(
  context: CommandContext,
  file: string,
  options: { readonly purpose?: KeyPurpose },
): Promise<ExitCode> {
  await using installation = await context.open();
  const { keystore, clock, config } = installation;
  const identity = parseIdentity(await readIdentityFile(file), file);
  // Were it taken for a key to seal to, an emergency would end with nothing but the emergency key.
  const isRecovery = config.encryption.recovery_recipients.includes(await recipientOf(identity));
  const purpose = options.purpose ?? (isRecovery ? 'recovery' : 'backup');
  const key = await keystore.import(identity, { origin: 'imported', purpose, now: clock.now() });
  note(installation, 'imported', { action: 'key.import', subject: key.id, detail: key.purpose });
  answerKey(context, installation, key, `Imported ${key.id} for ${key.purpose}; it is ${key.state}.`);
  return exitCodes.done;
}

/** `lowtide keys retire ID`: refused while a backup needs the key. */
export async function retireKey(context: CommandContext, id: string): Promise<ExitCode> {
  await using installation = await context.open();
  refuseNeeded(installation, id, 'retired');
  const key = await installation.keystore.retire(id);
  note(installation, 'retired', { action: 'key.retire', subject: id });
  answerKey(context, installation, key, `${id} is retired: no backup in the catalog needs it any more.`);
  return exitCodes.done;
}

/** `lowtide keys destroy ID --confirm ID`: crypto-shreds what is sealed to it and lies outside of the catalog. */
export async function destroyKey(
  context: CommandContext,
  id: string,
  { confirm }: { readonly confirm?: string },
): Promise<ExitCode> {
  await using installation = await context.open();
  refuseNeeded(installation, id, 'destroyed');
  const known = (await installation.keystore.list()).find((key) => key.id === id);
  const shredding = known === undefined ? undefined : shreddingOf(installation, known);
  if (confirm !== id) {
    if (shredding !== undefined) context.output.note(describeShredding(shredding));
    throw new LowtideError('usage', `destroying ${id} cannot be undone, and is not confirmed`, {
      hint: `If that is what you want: lowtide keys destroy ${id} --confirm ${id}`,
    });
  }
  const key = await installation.keystore.destroy(id);
  note(installation, 'destroyed', { action: 'key.destroy', subject: id });
  const { output } = context;
  output.answer(
    { ...viewOf(installation, key), ...(shredding !== undefined && { shredded: shreddingView(shredding) }) },
    `${id} is destroyed.${shredding === undefined ? '' : `\n${describeShredding(shredding)}`}`,
  );
  return exitCodes.done;
}

/** `lowtide keys export ID --output FILE`: a recovery file, 0600; `-` writes it to standard output, for a printer. */
export async function exportKey(
  context: CommandContext,
  id: string,
  { output: file }: { readonly output: string },
): Promise<ExitCode> {
  if (file === '-' && context.options.json) {
    throw new LowtideError(
      'usage',
      '--json answers on standard output: the recovery file needs a file there',
    );
  }
  const loaded = await context.readConfig();
  const keystore = openKeystore(loaded.config);
  const identity = await keystore.identity(id);
  const key = (await keystore.list()).find((each) => each.id === id);
  if (key === undefined) throw new LowtideError('key_missing', `the keystore does not list ${id}`);
  await noteExport(context, loaded, { action: 'key.export', subject: id, detail: file });
  const text = formatRecoveryFile(key, identity);
  if (file === '-') {
    context.terminal.stdout.write(text);
    return exitCodes.done;
  }
  await writeRecoveryFile(file, text);
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
  entry: AuditNote & { readonly subject: string },
): Promise<void> {
  try {
    await using installation = openInstallation(loaded, terminal.env);
    note(installation, 'exported', entry);
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

function answerKey(context: CommandContext, installation: Installation, key: Key, text: string): void {
  context.output.answer(viewOf(installation, key), text);
}

function viewOf({ catalog }: Installation, key: Key): ReturnType<typeof keyView> {
  return keyView(key, catalog.totals());
}

type AuditNote = Parameters<typeof noteAudit>[1];
type KeyChange = Extract<EventBody, { readonly name: 'key:changed' }>['change'];

/** In the audit log, and as an event for those who watch. */
function note(
  installation: Installation,
  change: KeyChange,
  entry: AuditNote & { readonly subject: string },
): void {
  const { catalog, clock } = installation;
  noteAudit(installation, entry);
  catalog.append({ name: 'key:changed', keyId: entry.subject, change, by: userInfo().username }, clock.now());
}

async function readIdentityFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new LowtideError('usage', `cannot read ${file}: ${LowtideError.from(cause).message}`, { cause });
  }
}
