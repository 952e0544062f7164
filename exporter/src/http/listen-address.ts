import { isIPv6 } from 'node:net';
import { LowtideError } from '../errors/lowtide-error.ts';

/** Where to listen. Without a host: on every address of the machine, IPv4 and IPv6. Port 0: any that is free. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
}

/** Reads `host:port`, `:port` and `[IPv6]:port`. Throws `config_invalid`. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<host>[A-Za-z0-9._-]*)):(?<port>\d{1,5})$/.exec(text);
  const { ipv6, host, port: digits } = match?.groups ?? {};
  const port = Number(digits);
  if (match === null || port > 65_535 || (ipv6 !== undefined && !isIPv6(ipv6))) {
    throw new LowtideError('config_invalid', `${JSON.stringify(text)} is no address to listen on`, {
      hint: 'Write host:port, as in 127.0.0.1:10210, [::1]:10210, or :10210 for every address of this machine.',
    });
  }
  const name = ipv6 ?? host ?? '';
  return name === '' ? { port } : { host: name, port };
}

/** `host:port` as it stands in a URL. */
export function formatHostPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
