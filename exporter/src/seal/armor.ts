import { armor } from 'age-encryption';
import { LowtideError } from '../errors/lowtide-error.ts';

const armorStart = '-----BEGIN AGE ENCRYPTED FILE-----';

/** Whether a small age file is in ASCII armor, as `age -a` writes it. */
export function isArmored(file: Uint8Array): boolean {
  return Buffer.from(file.subarray(0, 1024))
    .toString('latin1')
    .trimStart()
    .startsWith(armorStart.slice(0, 10));
}

/** The binary file inside the armor. Throws `header_invalid`. */
export function dearmor(file: Uint8Array): Uint8Array {
  try {
    return armor.decode(Buffer.from(file).toString('latin1'));
  } catch (cause) {
    throw new LowtideError('header_invalid', "the file's ASCII armor is damaged", {
      hint: 'Take another copy of the file; mail and editors like to re-wrap its lines.',
      cause,
    });
  }
}
