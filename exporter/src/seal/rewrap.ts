import { checkMac, encodeHeader, parseHeader, type Header } from './header.ts';
import { hybridIdentityStart, unwrapHybrid } from './hybrid.ts';
import { wrapGivenForHybrid } from './hybrid-wrap.ts';
import { noIdentityFits } from './identity.ts';
import { commonKind } from './recipients.ts';
import { wrapForX25519, X25519Identity } from './x25519.ts';

/**
 * Gives an age file to other recipients: the same file key in a new header. The payload stays as it is, and whoever kept the
 * old header and its identity still reads it: this is hygiene, not a remedy for a key that leaked.
 */
export interface RewrappedHeader {
  readonly bytes: Uint8Array;
  /** Of the file, as before. */
  readonly fileKey: Uint8Array;
}

/** Rewraps here, or elsewhere. Throws what `Rewrapper.rewrap` throws. */
export interface HeadRewrapper {
  rewrap(head: Uint8Array): Promise<Pick<RewrappedHeader, 'bytes'>>;
}

/** Rewraps any number of headers; the identities are read once. */
export class Rewrapper implements HeadRewrapper {
  readonly #unwrappers: readonly ((header: Header) => MaybePromise<Uint8Array | undefined>)[];
  readonly #recipients: readonly string[];
  readonly #wrap: typeof wrapForX25519;

  /**
   * `identities` open the old headers; the new ones are for `recipients` and for nobody else.
   * Throws `identity_invalid`, `recipient_invalid`.
   */
  constructor(identities: readonly string[], recipients: readonly string[]) {
    this.#unwrappers = identities.map(unwrapperOf);
    this.#recipients = recipients;
    this.#wrap = commonKind(recipients) === 'hybrid' ? wrapGivenForHybrid : wrapForX25519;
  }

  /**
   * The new header for a file that begins with `head`, which holds the whole old header. It is as long as any other padded
   * one: only with more recipients than fit into a page is it longer. Every old stanza goes.
   * Throws `header_invalid` (also where the MAC does not fit), `no_identity_match`.
   */
  async rewrap(head: Uint8Array): Promise<RewrappedHeader> {
    const header = parseHeader(head);
    const fileKey = await this.#unwrap(header);
    checkMac(header, fileKey);
    const stanzas = this.#recipients.map((recipient) => this.#wrap(recipient, fileKey));
    return { bytes: encodeHeader(stanzas, fileKey), fileKey };
  }

  async #unwrap(header: Header): Promise<Uint8Array> {
    for (const unwrap of this.#unwrappers) {
      const fileKey = await unwrap(header);
      if (fileKey !== undefined) return fileKey;
    }
    throw noIdentityFits(header, this.#unwrappers.length);
  }
}

type MaybePromise<T> = T | Promise<T>;

function unwrapperOf(identity: string): (header: Header) => MaybePromise<Uint8Array | undefined> {
  if (identity.startsWith(hybridIdentityStart)) return (header) => unwrapHybrid(identity, header);
  const opened = new X25519Identity(identity);
  return ({ stanzas }) => opened.unwrap(stanzas);
}
