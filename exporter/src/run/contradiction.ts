import type { ErrorCode } from '../errors/codes.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { ManifestPart } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';

/** What speaks against a copy; becomes `verification_failed` with the place in front. */
export class Contradiction extends Error {}

export async function refuseWrongSize(part: ManifestPart, store: Store): Promise<void> {
  const object = await store.stat(part.name);
  if (object === undefined) {
    await refuseEmptyStore(part, store);
    throw new Contradiction('there is no such file any more');
  }
  const surplus = object.sizeBytes - part.headerBytes - part.payloadBytes;
  if (surplus === 0) return;
  const sizes = `it has ${object.sizeBytes} bytes where the manifest says ${part.headerBytes + part.payloadBytes}`;
  throw new Contradiction(
    surplus < 0 ? `${sizes}: ${-surplus} are missing, it was cut` : `${sizes}: ${surplus} too many`,
  );
}

/** A disk that is not mounted shows an empty folder: that is no evidence against anything that lies on it. */
async function refuseEmptyStore(part: ManifestPart, store: Store): Promise<void> {
  const first = await store.list('')[Symbol.asyncIterator]().next();
  if (first.done !== true) return;
  throw new LowtideError(
    'store_unavailable',
    `store ${store.id} holds nothing at all: neither ${store.locate(part.name)} nor any other file`,
    {
      hint: 'Is its disk mounted? If it is, everything in it was deleted: use another store.',
      retryable: true,
    },
  );
}

const damageHint = 'Nothing in this copy can be trusted: use another one, and make a new backup.';

/** The codes that are evidence against a file, and what to say before their own words. */
const damageFound: ReadonlyMap<ErrorCode, string> = new Map([
  ['header_invalid', ''],
  ['payload_invalid', ''],
  ['no_identity_match', 'it is sealed to another key than the manifest says: '],
  ['store_damaged', ''],
  ['store_missing_object', 'it vanished while it was read: '],
]);

/** Damage as `verification_failed`; everything else as it came. */
export function verdictOn(thrown: unknown, place: string): unknown {
  const says = (what: string): LowtideError =>
    new LowtideError('verification_failed', `${place}: ${what}`, { hint: damageHint, cause: thrown });
  if (thrown instanceof Contradiction) return says(thrown.message);
  const found = thrown instanceof LowtideError ? damageFound.get(thrown.code) : undefined;
  return found === undefined ? thrown : says(`${found}${LowtideError.from(thrown).message}`);
}
