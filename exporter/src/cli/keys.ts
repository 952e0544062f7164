import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { keyView, lostKeyView } from '../api/views.ts';
import { openInstallation, openKeystore, type Installation } from '../compose.ts';
import type { LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EventBody } from '../events/events.ts';
import { formatRecoveryFile, writeRecoveryFile } from '../keys/export.ts';
import { parseIdentity } from '../keys/identity-file.ts';
import type { Key, KeyPurpose } from '../keys/keystore.ts';
import { takeCensus, type Dependents } from '../rotation/census.ts';
import { refuseDestruction, retireKey as retire } from '../rotation/retirement.ts';
import { recipientOf } from '../seal/identity.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { keepConfig } from './keep-config.ts';
import { table } from './output.ts';
import { describeShredding, shreddingOf, shreddingView } from './shredding.ts';
import { shownTime } from './views.ts';
import { counted } from '../units/count.ts';

/** `lowtide keys`: every key and what depends on it. */
export async function listKeys(context: CommandContext): Promise<ExitCode> {
  await using installation = await openSettled(context);
  const { keystore, catalog } = installation;
  const { keys, lost } = await takeCensus(catalog, keystore);
  const unlisted = lost.filter(({ id }) => keys.every(({ key }) => key.id !== id));
  const rows = [
    ...keys.map((entry) => [
      entry.key.id,
      entry.key.state,
      entry.key.purpose,
      shownTime(entry.key.createdAt),
      ...countsOf(entry),
      entry.key.recipient,
    ]),
    ...unlisted.map((entry) => [entry.id, 'lost', '', '', ...countsOf(entry), '']),
  ];
  context.output.answer(
    [...keys.map(keyView), ...unlisted.map((entry) => ({ ...lostKeyView(entry), state: 'lost' }))],
    rows.length === 0
      ? 'There are no keys yet: `lowtide keys new` makes one.'
      : table(['KEY', 'STATE', 'PURPOSE', 'CREATED', 'BACKUPS', 'COPIES', 'BYTES', 'RECIPIENT'], rows),
  );
  for (const finding of await keystore.findings()) context.output.note(`warning: ${finding}`);
  for (const { id, backups, openedBy } of lost) {
    const remedy =
      openedBy.length === 0
        ? 'bring back a copy of the keystore, or import its recovery file or a recovery identity (`lowtide keys import FILE`)'
        : `${openedBy.join(', ')} opens them; \`lowtide rotate\` gives them to a key that is here`;
    context.output.note(
      `warning: ${counted(backups, 'backup needs', 'backups need')} ${id}, whose secret half is lost: ${remedy}`,
    );
  }
  return exitCodes.done;
}

function countsOf({ backups, copies, bytes }: Dependents): readonly string[] {
  return [String(backups), String(copies), formatSize(bytes)];
}

/** `lowtide keys new`: new backups are sealed to it from now on. */
export async function newKey(
  context: CommandContext,
  { kind }: { readonly kind: 'x25519' | 'hybrid' },
): Promise<ExitCode> {
  await using installation = await context.open();
  await installation.rotator.refuseWhileRunning(context.terminal.signal);
  const key = await installation.keystore.create({ kind, now: installation.clock.now() });
  await note(installation, 'created', { action: 'key.create', subject: key.id });
  context.output.answer(
    viewOf(key),
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
  await note(installation, 'imported', { action: 'key.import', subject: key.id, detail: key.purpose });
  const { keys } = await takeCensus(installation.catalog, keystore);
  const { backups } = keys.find((entry) => entry.key.id === key.id) ?? { backups: 0 };
  const needed = backups === 0 ? '' : ` ${counted(backups, 'backup needs', 'backups need')} it.`;
  context.output.answer(
    { ...viewOf(key), backups },
    `Imported ${key.id} for ${key.purpose}; it is ${key.state}.${needed}`,
  );
  return exitCodes.done;
}

/** `lowtide keys retire ID`: refused while a backup needs the key. */
export async function retireKey(context: CommandContext, id: string): Promise<ExitCode> {
  await using installation = await context.open();
  const key = await retire(installation, id, context.terminal.signal);
  await note(installation, 'retired', { action: 'key.retire', subject: id });
  context.output.answer(viewOf(key), `${id} is retired: no backup in the catalog needs it any more.`);
  return exitCodes.done;
}

/** `lowtide keys destroy ID --confirm ID`: crypto-shreds what is sealed to it and lies outside of the catalog. */
export async function destroyKey(
  context: CommandContext,
  id: string,
  { confirm }: { readonly confirm?: string },
): Promise<ExitCode> {
  await using installation = await context.open();
  await refuseDestruction(installation, id, { signal: context.terminal.signal });
  await refuseWhileConfigNeeds(context, installation, id);
  const known = (await installation.keystore.list()).find((key) => key.id === id);
  const shredding = known === undefined ? undefined : await shreddingOf(installation, known);
  if (confirm !== id) {
    if (shredding !== undefined) context.output.note(describeShredding(shredding));
    throw new LowtideError('usage', `destroying ${id} cannot be undone, and is not confirmed`, {
      hint: `If that is what you want: lowtide keys destroy ${id} --confirm ${id}`,
    });
  }
  const key = await installation.keystore.destroy(id);
  await note(installation, 'destroyed', { action: 'key.destroy', subject: id });
  const { output } = context;
  output.answer(
    { ...viewOf(key), ...(shredding !== undefined && { shredded: shreddingView(shredding) }) },
    `${id} is destroyed.${shredding === undefined ? '' : `\n${describeShredding(shredding)}`}`,
  );
  return exitCodes.done;
}

/** The copies of the config may be sealed to nothing but this key, until those that follow a rotation are there. */
async function refuseWhileConfigNeeds(
  context: CommandContext,
  installation: Installation,
  id: string,
): Promise<void> {
  await keepConfig(context, installation);
  const current = Object.entries(await installation.configKeeper.current());
  const behind = current.filter(([, isCurrent]) => !isCurrent).map(([store]) => store);
  if (behind.length === 0) return;
  throw new LowtideError('key_in_use', `the copy of the config in ${behind.join(', ')} may need ${id}`, {
    hint: 'It could not be brought up to date: see the warning. Make the store usable, and try again.',
    retryable: true,
  });
}

/** `lowtide keys export ID --output FILE`: a recovery file, 0600; `-` writes it to standard output, for a printer. */
export async function exportKey(
  context: CommandContext,
  id: string,
  { output: file }: { readonly output: string },
): Promise<ExitCode> {
  if (file === '') throw new LowtideError('usage', '--output names no file');
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
  const text = formatRecoveryFile(key, identity);
  await recordExport(context, loaded, { action: 'key.export', subject: id, detail: file }, async () => {
    if (file === '-') context.terminal.stdout.write(text);
    else await writeRecoveryFile(file, text);
  });
  if (file === '-') return exitCodes.done;
  context.output.answer(
    { id, file },
    `Wrote ${file}. Whoever has it reads every backup sealed to ${id}: keep it off this host.`,
  );
  return exitCodes.done;
}

/**
 * In the audit log before the file is there, and again when it is, or is not. A catalog that is lost must not keep anybody from the
 * keys that bring the backups back.
 */
async function recordExport(
  { output, terminal }: CommandContext,
  loaded: LoadedConfig,
  entry: AuditNote & { readonly subject: string },
  write: () => Promise<void>,
): Promise<void> {
  const record = async (put: (installation: Installation) => Promise<void>): Promise<void> => {
    try {
      await using installation = await openInstallation(loaded, terminal.env);
      await put(installation);
    } catch (thrown) {
      output.note(`warning: the export is not in the audit log: ${LowtideError.from(thrown).message}`);
    }
  };
  await record((installation) => noteAudit(installation, { ...entry, result: 'started' }));
  try {
    await write();
  } catch (thrown) {
    const { code } = LowtideError.from(thrown);
    await record((installation) => noteAudit(installation, { ...entry, result: 'failed', code }));
    throw thrown;
  }
  await record((installation) => note(installation, 'exported', entry));
}

/** One that is new, or at its end: nothing depends on it. */
function viewOf(key: Key): ReturnType<typeof keyView> {
  return keyView({ key, backups: 0, copies: 0, bytes: 0 });
}

type AuditNote = Parameters<typeof noteAudit>[1];
type KeyChange = Extract<EventBody, { readonly name: 'key:changed' }>['change'];

/** In the audit log, and as an event for those who watch. */
async function note(
  installation: Installation,
  change: KeyChange,
  entry: AuditNote & { readonly subject: string },
): Promise<void> {
  const { catalog, clock } = installation;
  await noteAudit(installation, entry);
  await catalog.append(
    { name: 'key:changed', keyId: entry.subject, change, by: userInfo().username },
    clock.now(),
  );
}

export async function readIdentityFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new LowtideError('usage', `cannot read ${file}: ${LowtideError.from(cause).message}`, { cause });
  }
}
