import { isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientAuth } from './web-config.ts';

/** Node asks for a certificate, and verifies it, by two switches; Go's five policies are told apart by hand. */
export function asksForCertificate(policy: ClientAuth): boolean {
  return policy !== 'NoClientCert';
}

type Handshaken = Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>;

/** Whether a client may go on, once the handshake is over. `names`: one of them must be its; empty: any will do. */
export function satisfies(policy: ClientAuth, names: readonly string[], socket: Handshaken): boolean {
  return satisfiesPolicy(policy, socket) && (names.length === 0 || hasName(names, socket));
}

function satisfiesPolicy(policy: ClientAuth, socket: Handshaken): boolean {
  switch (policy) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return true;
    case 'RequireAnyClientCert':
      return hasCertificate(socket);
    case 'VerifyClientCertIfGiven':
      return socket.authorized || !hasCertificate(socket);
    case 'RequireAndVerifyClientCert':
      return socket.authorized;
  }
}

function hasCertificate(socket: Handshaken): boolean {
  return Object.keys(socket.getPeerCertificate()).length > 0;
}

function hasName(names: readonly string[], socket: Handshaken): boolean {
  const wanted = new Set(names.map(canonical));
  return alternativeNames(socket.getPeerCertificate().subjectaltname ?? '').some((name) => wanted.has(name));
}

/** Node writes `DNS:a, IP Address:::1`, and what has a comma or a quote in it as a JSON string. */
export function alternativeNames(written: string): string[] {
  const each = /(?:^|, )([^:]*):("(?:[^"\\]|\\.)*"|[^,]*)/g;
  return [...written.matchAll(each)].flatMap(([, kind = '', name = '']) => {
    if (!kinds.has(kind)) return [];
    return canonical(name.startsWith('"') ? String(JSON.parse(name)) : name);
  });
}

/** The kinds that exporter-toolkit compares. */
const kinds = new Set(['DNS', 'IP Address', 'email', 'URI']);

/** One address of IPv6 has many spellings. */
function canonical(name: string): string {
  return isIPv6(name) ? new URL(`http://[${name}]`).hostname : name;
}
