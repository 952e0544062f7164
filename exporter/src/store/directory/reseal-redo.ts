import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { partialName } from '../name.ts';
import type { Disk } from './disk.ts';
import { mayBeTorn, openBegun, overwrite, type OpenedObject } from './head-file.ts';
import type { JournalRecord } from './reseal-journal.ts';
import { writePartial } from './rewrite.ts';

interface Place {
  readonly disk: Disk;
  readonly locate: (name: string) => string;
}

/**
 * Does again what a journal says. It may be stale: only a file that is in a state which this very change can have left is
 * touched, and a backup of which any file is in another state (pruned, sealed anew since) is left alone as a whole.
 */
export async function redo(records: readonly JournalRecord[], place: Place): Promise<void> {
  for (const record of records) {
    const steps = stepsFor(record, place);
    try {
      if (steps !== undefined) await take(steps, record, place);
    } finally {
      for (const { opened } of steps ?? []) opened?.file.close();
    }
  }
}

/** `nothing`: it is done; `head`: write the new head; `name`: give the rewritten file its name. */
interface Step {
  readonly object: JournalRecord['objects'][number];
  readonly what: 'nothing' | 'head' | 'name';
  readonly opened?: OpenedObject;
}

function stepsFor(record: JournalRecord, place: Place): readonly Step[] | undefined {
  const steps: Step[] = [];
  let whole = false;
  try {
    for (const object of record.objects) {
      const step = stepFor(object, place);
      if (step === undefined) return undefined;
      steps.push(step);
    }
    whole = true;
    return steps;
  } finally {
    if (!whole) for (const { opened } of steps) opened?.file.close();
  }
}

function stepFor(object: Step['object'], { disk, locate }: Place): Step | undefined {
  const { oldHead, newHead, rewritten } = object;
  const opened = openBegun(disk, locate(object.name));
  if (opened === undefined) return undefined;
  const longest = Math.max(oldHead.length, newHead.length);
  const found = opened.file.readHead(longest);
  const begins = (head: Uint8Array): boolean => Buffer.compare(head, found.subarray(0, head.length)) === 0;
  if (begins(newHead)) return { object, what: 'nothing', opened };
  if (rewritten !== undefined) {
    if (begins(oldHead) && isThere(disk, renamedFrom(object, locate), newHead)) {
      return { object, what: 'name', opened };
    }
  } else if (mayBeTorn(found, oldHead, newHead)) return { object, what: 'head', opened };
  opened.file.close();
  return undefined;
}

function isThere(disk: Disk, path: string, head: Uint8Array): boolean {
  const opened = openBegun(disk, path);
  if (opened === undefined) return false;
  try {
    return Buffer.compare(head, opened.file.readHead(head.length)) === 0;
  } finally {
    opened.file.close();
  }
}

function renamedFrom({ name, rewritten = '' }: Step['object'], locate: Place['locate']): string {
  return join(dirname(locate(name)), rewritten);
}

async function take(
  steps: readonly Step[],
  { manifest }: JournalRecord,
  { disk, locate }: Place,
): Promise<void> {
  const path = locate(manifest.name);
  const partial = partialName(path, randomUUID());
  await writePartial(disk, partial, manifest.bytes);
  for (const { object, what, opened } of steps) {
    if (what === 'head' && opened !== undefined) await overwrite(opened, object);
    if (what === 'name') await disk.rename(renamedFrom(object, locate), locate(object.name));
  }
  await disk.rename(partial, path);
  await disk.syncFolder(dirname(path));
}
