import { z } from 'zod';
import { parseDocument } from 'yaml';
import { LowtideError } from '../errors/lowtide-error.ts';

/**
 * The web configuration of Prometheus' exporter-toolkit (github.com/prometheus/exporter-toolkit, docs/web-configuration.md):
 * TLS, basic auth by bcrypt, and headers. Unknown keys are mistakes, as there.
 */
export interface WebConfig {
  readonly tls: TlsConfig | undefined;
  /** bcrypt hashes by user; empty: nobody is asked for a password. */
  readonly users: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
  readonly clientAuth: ClientAuth;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** In OpenSSL's spelling; undefined: what Node takes. */
  readonly ciphers: string | undefined;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
export type ClientAuth = (typeof clientAuthTypes)[number];

/** Go's names (crypto/tls, ClientAuthType). */
export const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

const versions: Readonly<Record<string, TlsVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};
const version = z.enum(['TLS10', 'TLS11', 'TLS12', 'TLS13']);
const header = z.string().regex(/^[\x20-\x7e]*$/, { error: 'can be no header' });

const schema = z.strictObject({
  tls_server_config: z
    .strictObject({
      cert_file: z.string().min(1),
      key_file: z.string().min(1),
      client_ca_file: z.string().min(1).optional(),
      client_auth_type: z.enum(clientAuthTypes).default('NoClientCert'),
      min_version: version.default('TLS12'),
      max_version: version.default('TLS13'),
      cipher_suites: z.array(z.string().regex(/^TLS_[A-Z0-9_]+$/)).optional(),
      // Node's server takes its own order, and HTTP/1.1 alone: accepted, since others may share the file.
      prefer_server_cipher_suites: z.boolean().optional(),
    })
    .optional(),
  http_server_config: z
    .strictObject({
      http2: z.boolean().optional(),
      headers: z
        .strictObject({
          'Strict-Transport-Security': header.optional(),
          'X-Content-Type-Options': header.optional(),
          'X-Frame-Options': header.optional(),
          'X-XSS-Protection': header.optional(),
          'Content-Security-Policy': header.optional(),
        })
        .optional(),
    })
    .optional(),
  basic_auth_users: z
    .record(
      z.string().min(1),
      z.string().regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, {
        error: 'is no bcrypt hash: htpasswd -nBC 10 "" | tr -d ":\\n" makes one',
      }),
    )
    .nullable()
    .optional(),
});

/** `file` is for messages. Throws `config_invalid` with every mistake; never with a value, which may be a secret. */
export function parseWebConfig(text: string, file: string): WebConfig {
  const document = parseDocument(text, { prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax !== undefined) throw invalid(file, syntax.message.split('\n')[0] ?? 'is no YAML');
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw invalid(file, mistakes.join('; '));
  }
  const { tls_server_config: tls, http_server_config: server, basic_auth_users: users } = parsed.data;
  return {
    tls: tls && {
      certFile: tls.cert_file,
      keyFile: tls.key_file,
      clientCaFile: tls.client_ca_file,
      clientAuth: checkedClientAuth(tls, file),
      minVersion: versions[tls.min_version] ?? 'TLSv1.2',
      maxVersion: versions[tls.max_version] ?? 'TLSv1.3',
      ciphers: tls.cipher_suites?.map(openSslName).join(':'),
    },
    users: new Map(Object.entries(users ?? {})),
    headers: Object.fromEntries(
      Object.entries(server?.headers ?? {}).filter(([, value]) => value !== undefined),
    ) as Record<string, string>,
  };
}

function checkedClientAuth(
  {
    client_auth_type: type,
    client_ca_file: ca,
  }: { client_auth_type: ClientAuth; client_ca_file?: string | undefined },
  file: string,
): ClientAuth {
  const verifies = type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert';
  if (verifies && ca === undefined) throw invalid(file, `tls_server_config: ${type} needs client_ca_file`);
  if (type === 'NoClientCert' && ca !== undefined) {
    throw invalid(file, 'tls_server_config: client_ca_file without a client_auth_type would check nobody');
  }
  return type;
}

/** Go has IANA's names; OpenSSL keeps those for TLS 1.3 and has its own for the rest. */
function openSslName(iana: string): string {
  if (!iana.includes('_WITH_')) return iana;
  return iana
    .replace(/^TLS_/, '')
    .replace(/_WITH_AES_(\d+)_/, '-AES$1-')
    .replace(/_WITH_CHACHA20_POLY1305(_SHA256)?/, '-CHACHA20-POLY1305')
    .replace(/^RSA-/, '')
    .replace(/(?<=-)CBC_/, '')
    .replaceAll('_', '-');
}

export function invalid(file: string, what: string, cause?: unknown): LowtideError {
  return new LowtideError('config_invalid', `the web config ${file}: ${what}`, {
    hint: 'The format is that of exporter-toolkit: tls_server_config, http_server_config, basic_auth_users.',
    ...(cause !== undefined && { cause }),
  });
}
