import { base64nopad } from '@scure/base';

/**
 * One section of an age header: for whom the file key is wrapped, and how. As text it is `-> ARG ARG…` and the body in
 * base64 lines of 64 columns, the last of which is shorter (and empty where nothing is left).
 */
export interface Stanza {
  /** The first one is the type; each is made of visible ASCII. */
  readonly args: readonly [string, ...string[]];
  readonly body: Uint8Array;
}

export const bodyLineColumns = 64;
const bodyLineBytes = (bodyLineColumns / 4) * 3;

export function encodeStanza({ args, body }: Stanza): string {
  let text = `-> ${args.join(' ')}\n`;
  for (let start = 0; start + bodyLineBytes <= body.length; start += bodyLineBytes) {
    text += `${base64nopad.encode(body.subarray(start, start + bodyLineBytes))}\n`;
  }
  return `${text}${base64nopad.encode(body.subarray(body.length - (body.length % bodyLineBytes)))}\n`;
}

/** Readers must ignore stanzas of unknown types; the suffix is what rage gives to those meant to be ignored. */
const paddingType = 'x-grease';
const emptyPadding = encodeStanza({ args: [paddingType, ''], body: new Uint8Array(0) }).length;

/**
 * A stanza that takes up exactly `bytes` of header and says nothing; undefined where that is fewer than its shortest form.
 * Full body lines do the bulk, an argument of 1 to 65 letters the rest.
 */
export function paddingStanza(bytes: number): Stanza | undefined {
  const free = bytes - emptyPadding;
  if (free < 1) return undefined;
  const lines = Math.floor((free - 1) / (bodyLineColumns + 1));
  return {
    args: [paddingType, 'A'.repeat(free - lines * (bodyLineColumns + 1))],
    body: new Uint8Array(lines * bodyLineBytes),
  };
}
