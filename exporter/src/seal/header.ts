import { createHmac, timingSafeEqual } from 'node:crypto';
import { base64nopad } from '@scure/base';
import { LowtideError } from '../errors/lowtide-error.ts';
import { headerKey, nonceBytes } from './file-key.ts';
import { bodyLineColumns, encodeStanza, paddingStanza, type Stanza } from './stanza.ts';

/**
 * The header of an age v1 file (https://c2sp.org/age): a version line, the stanzas, and a MAC over all of it under the file
 * key. It is text, but strict text: one space, LF alone, visible ASCII, canonical base64 without padding. Whatever could
 * be written in two ways is refused.
 *
 * Headers we write are padded so that header and nonce fill one page of 4 KiB: the payload is block-aligned, and another set of
 * recipients fits into the same place.
 */
export const paddedHeaderBytes = 4096 - nonceBytes;

/**
 * Neither the format nor age itself has a limit; without one, a few bytes buy an X25519 operation each. They hold for writing
 * too: a backup that only other tools could open would be none.
 */
const maxStanzas = 128;
const maxHeaderBytes = 64 * 1024;
/** As many as fit, for their stanzas take up some 1,560 bytes each. */
export const maxHybridRecipients = 40;

const versionLine = 'age-encryption.org/v1';
const macStart = '---';
const macBytes = 32;
/** ` `, the MAC in base64 and the line's end: what the MAC does not cover. */
const macTailBytes = 1 + Math.ceil((macBytes * 4) / 3) + 1;

/** A whole header as it was read. Its MAC has not been checked yet: that takes the file key. */
export interface Header {
  readonly stanzas: readonly Stanza[];
  readonly mac: Uint8Array;
  /** The text, MAC and final line end included. */
  readonly bytes: Uint8Array;
}

/**
 * The header of a new file; padded where there is room, but for a passphrase, whose stanza has to stand alone.
 * Throws `recipient_invalid` when it would be too large to be read again.
 */
export function encodeHeader(stanzas: readonly Stanza[], fileKey: Uint8Array): Uint8Array {
  const text = [versionLine, '\n', ...stanzas.map(encodeStanza), macStart].join('');
  const padding = stanzas.some(isScrypt)
    ? undefined
    : paddingStanza(paddedHeaderBytes - text.length - macTailBytes);
  const covered =
    padding === undefined ? text : `${text.slice(0, -macStart.length)}${encodeStanza(padding)}${macStart}`;
  if (stanzas.length > maxStanzas || covered.length + macTailBytes > maxHeaderBytes) {
    throw tooManyRecipients(stanzas.length);
  }
  const bytes = new TextEncoder().encode(covered);
  return Buffer.concat([bytes, Buffer.from(` ${base64nopad.encode(macOf(bytes, fileKey))}\n`)]);
}

/** Throws `header_invalid` when the header was changed after it was written with this file key. */
export function checkMac(header: Header, fileKey: Uint8Array): void {
  const covered = header.bytes.subarray(0, header.bytes.length - macTailBytes);
  if (timingSafeEqual(macOf(covered, fileKey), header.mac)) return;
  throw damaged('its MAC does not fit: it was changed after it was written');
}

/** The header at the beginning of `bytes`. Throws `header_invalid`. */
export function parseHeader(bytes: Uint8Array): Header {
  const parser = new HeaderParser(Math.min(bytes.length, maxHeaderBytes));
  return parser.push(bytes)?.header ?? parser.fail();
}

/** Reads a header from pieces of any size, and refuses as soon as it can be refused. */
export class HeaderParser {
  readonly #bytes: Buffer;
  readonly #stanzas: Stanza[] = [];
  /** Arguments and body lines of the stanza being read. */
  #open: { readonly args: Stanza['args']; readonly lines: Uint8Array[] } | undefined;
  #length = 0;
  #lineStart = 0;
  #lineNumber = 0;

  /** `room`: how many bytes it takes at most. A thousand headers that are known to be short need no 64 KiB each. */
  constructor(room = maxHeaderBytes) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  /** The header, and how many bytes of this piece belong to it; undefined while it goes on. */
  push(piece: Uint8Array): { readonly header: Header; readonly used: number } | undefined {
    const before = this.#length;
    const taken = piece.subarray(0, this.#bytes.length - before);
    this.#bytes.set(taken, before);
    this.#length += taken.length;
    for (;;) {
      const end = this.#bytes.subarray(0, this.#length).indexOf(0x0a, Math.max(before, this.#lineStart));
      if (end === -1) break;
      const mac = this.#readLine(this.#bytes.toString('latin1', this.#lineStart, end));
      this.#lineStart = end + 1;
      if (mac === undefined) continue;
      const header = { stanzas: this.#stanzas, mac, bytes: Buffer.from(this.#bytes.subarray(0, end + 1)) };
      return { header, used: end + 1 - before };
    }
    this.#refuseEarly();
    return undefined;
  }

  /** For the end of the file: throws what is wrong with a header that stops here. */
  fail(): never {
    throw damaged(
      this.#length === 0 ? 'the file is empty' : `the file ends inside it, after ${this.#length} bytes`,
    );
  }

  /** The MAC when this was the last line. */
  #readLine(line: string): Uint8Array | undefined {
    this.#lineNumber += 1;
    if (this.#lineNumber === 1) this.#readVersion(line);
    else if (this.#open !== undefined) this.#readBodyLine(this.#open, line);
    else if (line.startsWith('-> ')) this.#openStanza(line.slice(3));
    else if (line.startsWith(`${macStart} `)) return this.#readMac(line.slice(macStart.length + 1));
    else throw this.#bad('neither begins a stanza nor ends the header');
    return undefined;
  }

  #readVersion(line: string): void {
    if (line !== versionLine) throw notAge();
  }

  #openStanza(text: string): void {
    if (this.#stanzas.length === maxStanzas) throw damaged(`it has more than ${maxStanzas} stanzas`);
    const [type, ...rest] = text.split(' ');
    if (type === undefined || ![type, ...rest].every((arg) => /^[!-~]+$/.test(arg))) {
      throw this.#bad('has an empty argument, or one with characters other than visible ASCII');
    }
    this.#open = { args: [type, ...rest], lines: [] };
  }

  #readBodyLine(open: { readonly args: Stanza['args']; readonly lines: Uint8Array[] }, line: string): void {
    if (line.length > bodyLineColumns) throw this.#bad(`is longer than ${bodyLineColumns} columns`);
    open.lines.push(this.#base64(line));
    if (line.length === bodyLineColumns) return;
    this.#stanzas.push({ args: open.args, body: Buffer.concat(open.lines) });
    this.#open = undefined;
  }

  #readMac(text: string): Uint8Array {
    const mac = this.#base64(text);
    if (mac.length !== macBytes) throw this.#bad('has a MAC of the wrong length');
    if (this.#stanzas.length === 0) throw damaged('it has no stanza');
    if (this.#stanzas.some(isScrypt) && this.#stanzas.length > 1) {
      throw damaged('a passphrase (scrypt) stands beside other recipients, which it may not');
    }
    return mac;
  }

  #base64(text: string): Uint8Array {
    const bytes = decodeBase64(text);
    if (bytes === undefined) throw this.#bad('is not canonical base64 without padding');
    return bytes;
  }

  #refuseEarly(): void {
    if (this.#lineNumber === 0) {
      const seen = this.#bytes.toString('latin1', 0, Math.min(this.#length, versionLine.length + 1));
      if (!`${versionLine}\n`.startsWith(seen)) throw notAge();
    }
    if (this.#length === maxHeaderBytes) throw damaged(`it is longer than ${maxHeaderBytes / 1024} KiB`);
  }

  #bad(what: string): LowtideError {
    return damaged(`line ${this.#lineNumber} (at byte ${this.#lineStart}) ${what}`);
  }
}

/** Undefined for what is not canonical: padded, cut, or with bits left over. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return base64nopad.decode(text);
  } catch {
    return undefined;
  }
}

function macOf(covered: Uint8Array, fileKey: Uint8Array): Uint8Array {
  return createHmac('sha256', headerKey(fileKey)).update(covered).digest();
}

function isScrypt(stanza: Stanza): boolean {
  return stanza.args[0] === 'scrypt';
}

/** `header_invalid`, for everything that is wrong with a header or a stanza in it. */
export function damaged(what: string): LowtideError {
  return new LowtideError('header_invalid', `the age header is damaged: ${what}`, {
    hint: 'Take another copy of the file; this one was cut or changed.',
  });
}

export function tooManyRecipients(count: number): LowtideError {
  return new LowtideError('recipient_invalid', `${count} recipients are too many for one file`, {
    hint: `A header holds up to ${maxStanzas} X25519 recipients, or ${maxHybridRecipients} post-quantum ones.`,
  });
}

function notAge(): LowtideError {
  return new LowtideError('header_invalid', `this is no age file: it does not begin with ${versionLine}`, {
    hint: 'Only the binary age v1 format is read here.',
  });
}
