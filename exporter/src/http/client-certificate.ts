import type { TLSSocket } from 'node:tls';
import type { ClientAuth } from './web-config.ts';

/** Node asks for a certificate, and verifies it, by two switches; Go's five policies are told apart by hand. */
export function asksForCertificate(policy: ClientAuth): boolean {
  return policy !== 'NoClientCert';
}

/** Whether a client may go on, once the handshake is over. */
export function satisfies(
  policy: ClientAuth,
  socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>,
): boolean {
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

function hasCertificate(socket: Pick<TLSSocket, 'getPeerCertificate'>): boolean {
  return Object.keys(socket.getPeerCertificate()).length > 0;
}
