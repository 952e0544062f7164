import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FileLock } from '../catalog/file-lock.ts';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { metadataSuffix, partialSuffix, secretSuffix, type KeyFolder } from './folder.ts';
import { isKeyId, settle, type KeyRecord } from './key.ts';
import { decodeMetadata } from './metadata.ts';

/** What every age file begins with. */
const ageMagic = 'age-encryption.org/v1\n';

interface Finding {
  readonly text: string;
  /** Also true for a moment while somebody changes the keystore, and then no finding. */
  readonly passing: boolean;
}

/**
 * What is wrong with a keystore's folder, as far as it shows without the passphrase: sentences that name the file and
 * the remedy. `uid` is whose the files must be. Takes no lock and changes nothing.
 */
export async function inspectKeyFolder(
  folder: KeyFolder,
  uid: number | undefined,
): Promise<readonly string[]> {
  const before = await inspect(folder, uid);
  if (before.length === 0) return [];
  const writing = FileLock.isHeld(folder.lockPath);
  const lasting = new Set(before.map(({ text }) => text));
  return (await inspect(folder, uid))
    .filter(({ text, passing }) => !passing || (!writing && lasting.has(text)))
    .map(({ text }) => text);
}

async function inspect(folder: KeyFolder, uid: number | undefined): Promise<readonly Finding[]> {
  let names: readonly string[];
  try {
    names = await folder.names();
  } catch (thrown) {
    return [{ text: LowtideError.from(thrown).message, passing: false }];
  }
  const protection = await Promise.all(
    [folder.path, ...names.map((name) => join(folder.path, name))].map((path) => protectionOf(path, uid)),
  );
  return [
    ...protection.flat(),
    ...names.filter((name) => name.endsWith(partialSuffix)).map(unfinished(folder)),
    ...(await keyFindings(folder, names)),
  ];
}

/** Who else may read or replace the file. */
async function protectionOf(path: string, uid: number | undefined): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  try {
    const facts = await stat(path);
    const [most, what] = facts.isDirectory() ? ['700', 'entered'] : ['600', 'read or changed'];
    if ((facts.mode & 0o077) !== 0) {
      const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0');
      findings.push(lasting(`${path} may be ${what} by others (mode ${mode}): chmod ${most} it`));
    }
    if (uid !== undefined && facts.uid !== uid) {
      findings.push(lasting(`${path} belongs to another user (uid ${facts.uid}, not ${uid}): chown it`));
    }
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT')
      findings.push(lasting(`${path}: ${LowtideError.from(thrown).message}`));
  }
  return findings;
}

function unfinished(folder: KeyFolder): (name: string) => Finding {
  return (name) =>
    passing(`${join(folder.path, name)} was left by a change that was cut off; the next change removes it`);
}

async function keyFindings(folder: KeyFolder, names: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const records: KeyRecord[] = [];
  const described = idsWith(names, metadataSuffix);
  const secrets = idsWith(names, secretSuffix);
  for (const id of described) {
    const path = folder.metadataPath(id);
    try {
      const bytes = await folder.read(path);
      if (bytes === undefined) continue;
      const record = decodeMetadata(bytes, id, path);
      records.push(record);
      findings.push(...secretFindings(folder, record, secrets.has(id)));
    } catch (thrown) {
      findings.push(lasting(LowtideError.from(thrown).message));
    }
  }
  for (const id of secrets) {
    const path = folder.secretPath(id);
    if (!described.has(id)) {
      findings.push(
        passing(
          `${path} has no ${basename(folder.metadataPath(id))} beside it: its creation was cut off, or the file was lost; ` +
            'it still opens what is sealed to it, and importing the identity again lists it',
        ),
      );
    }
    if (!(await beginsAsAge(path))) findings.push(lasting(`${path} is damaged: it is no age file`));
  }
  if (!settle(records).some((record) => record.state === 'active')) {
    findings.push(passing(`${folder.path} has no active key: \`lowtide keys new\` makes one`));
  }
  return findings;
}

function secretFindings(folder: KeyFolder, { id, state }: KeyRecord, hasSecret: boolean): readonly Finding[] {
  const path = folder.secretPath(id);
  if (state === 'destroyed') {
    return hasSecret ? [passing(`${path} is there although ${id} was destroyed: remove it`)] : [];
  }
  if (hasSecret) return [];
  const remedy = 'bring it back from a copy of the keystore, or import the recovery file';
  const cutOff =
    state === 'retired' ? `; \`lowtide keys destroy ${id}\` finishes a destruction that was cut off` : '';
  return [passing(`${path} is gone, and with it what opens the backups sealed to ${id}: ${remedy}${cutOff}`)];
}

/** A file that cannot be read at all says so by its own finding. */
async function beginsAsAge(path: string): Promise<boolean> {
  const begin = Buffer.alloc(ageMagic.length);
  try {
    const handle = await open(path, 'r');
    try {
      await handle.read(begin, 0, begin.length, 0);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    return systemErrorCode(thrown) === 'ENOENT';
  }
  return begin.toString('latin1') === ageMagic;
}

function idsWith(names: readonly string[], suffix: string): ReadonlySet<string> {
  return new Set(
    names
      .filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
      .filter(isKeyId),
  );
}

function lasting(text: string): Finding {
  return { text, passing: false };
}

function passing(text: string): Finding {
  return { text, passing: true };
}
